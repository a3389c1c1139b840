"""SAME padding is TensorFlow's."""

import pytest
import torch

from streamdet.networks.backbones.same_padding import same_conv


def summing(kernel: int, stride: int) -> torch.nn.Conv2d:
    convolution = same_conv(1, 1, kernel, stride)
    torch.nn.init.ones_(convolution.weight)
    return convolution


def test_an_even_size_is_padded_after_only() -> None:
    row = torch.tensor([1.0, 2.0, 4.0, 8.0]).reshape(1, 1, 1, 4)
    # windows 1 2 4 and 4 8 0; each row of the kernel but the middle one lies outside
    assert summing(3, 2)(row).flatten().tolist() == [7, 12]


def test_an_odd_size_is_padded_on_both_sides() -> None:
    row = torch.tensor([1.0, 2.0, 4.0]).reshape(1, 1, 1, 3)
    # windows 0 1 2 and 2 4 0
    assert summing(3, 2)(row).flatten().tolist() == [3, 6]


@pytest.mark.parametrize(("length", "cells"), [(1, 1), (2, 1), (7, 4), (8, 4), (9, 5)])
def test_stride_two_gives_half_the_cells_rounded_up(length: int, cells: int) -> None:
    assert summing(3, 2)(torch.zeros(1, 1, length, length)).shape == (1, 1, cells, cells)


def test_a_single_cell_kernel_needs_no_padding() -> None:
    assert summing(1, 1)(torch.ones(1, 1, 2, 3)).tolist() == [[[[1, 1, 1], [1, 1, 1]]]]
