"""Rows are picked image by image."""

import torch

from streamdet.ops.take_rows import take_rows


def test_each_image_gives_its_own_rows() -> None:
    values = torch.tensor([[[1, 2], [3, 4], [5, 6]], [[7, 8], [9, 10], [11, 12]]])
    taken = take_rows(values, torch.tensor([[2, 0], [1, 1]]))
    assert taken.tolist() == [[[5, 6], [1, 2]], [[9, 10], [9, 10]]]


def test_no_rows_give_none() -> None:
    assert take_rows(torch.zeros(2, 3, 4), torch.zeros(2, 0, dtype=torch.int64)).shape == (2, 0, 4)
