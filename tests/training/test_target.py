"""What is known of an image."""

import pytest
import torch

from streamdet.training.target import Target, of_labelled_classes

TARGET = Target(
    xyxy=torch.tensor([[0.0, 0, 4, 4], [5, 5, 9, 9], [1, 1, 2, 2]]),
    class_ids=torch.tensor([0, 1, 0]),
    ignored=torch.tensor([[8.0, 8, 10, 10]]),
    is_labelled=torch.tensor([True, False]),
    masks=torch.zeros(3, 10, 10, dtype=torch.bool),
    keypoints=torch.zeros(3, 2, 3),
)


def test_an_object_of_a_class_that_is_not_labelled_is_ignored() -> None:
    sure = of_labelled_classes(TARGET)
    assert sure.xyxy.tolist() == [[0, 0, 4, 4], [1, 1, 2, 2]]
    assert sure.class_ids.tolist() == [0, 0]
    assert sure.ignored.tolist() == [[8, 8, 10, 10], [5, 5, 9, 9]]
    assert sure.masks is not None
    assert sure.keypoints is not None
    assert len(sure.masks) == len(sure.keypoints) == 2


@pytest.mark.parametrize(
    ("xyxy", "class_ids", "message"),
    [
        (torch.zeros(4), torch.zeros(4), r"xyxy must be \(N, 4\), got \(4,\)"),
        (torch.tensor([[0.0, 0, 1, 1]]), torch.zeros(2), "class_ids must be of 1 boxes, got 2"),
        (torch.tensor([[0.0, 0, 0, 1]]), torch.zeros(1), "without an area"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    xyxy: torch.Tensor, class_ids: torch.Tensor, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Target(xyxy, class_ids, torch.zeros(0, 4), torch.ones(1, dtype=torch.bool))
