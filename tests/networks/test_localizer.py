"""One object an image; what the heads say is read as boxes and points by hand."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from streamdet.networks.localizer import Localizer, LocalizerOptions


def network(**options: Any) -> Localizer:
    stated = {"backbone": "mobilenet_v3_small", "widths": (8,), **options}
    return Localizer(LocalizerOptions(**stated), 3, (64, 96)).eval()


def says(head: nn.Linear, values: list[float]) -> None:
    """Let a head say the same of every image."""
    nn.init.zeros_(head.weight)
    with torch.no_grad():
        head.bias.copy_(torch.tensor(values))


def found(localizer: Localizer) -> dict[str, Tensor]:
    with torch.inference_mode():
        outputs: dict[str, Tensor] = localizer(torch.rand(2, 3, 64, 96))
    return outputs


def test_there_is_one_object_an_image() -> None:
    shapes = {name: tuple(value.shape) for name, value in found(network(keypoints=5)).items()}
    assert shapes == {
        "boxes": (2, 1, 4), "scores": (2, 1), "class_ids": (2, 1), "counts": (2,),
        "keypoints": (2, 1, 5, 3),
    }  # fmt: skip


def test_a_shared_box_has_4_numbers_and_others_4_a_class() -> None:
    assert network(boxes="shared").box_head.out_features == 4
    assert network(boxes="per_class").box_head.out_features == 3 * 4


def test_the_box_is_that_of_the_class_found() -> None:
    localizer = network()
    says(localizer.class_head, [0.0, 20.0, 0.0])
    # A quarter of the width to the right, half as high: centre (72, 32), 96 wide, 32 high.
    deltas = [0.25, 0.0, 0.0, -0.6931472]
    says(localizer.box_head, [9.0] * 4 + deltas + [9.0] * 4)
    torch.testing.assert_close(found(localizer)["boxes"][0, 0], torch.tensor([24.0, 16, 120, 48]))
    assert found(localizer)["class_ids"].tolist() == [[1], [1]]


def test_zeros_mean_the_whole_image_and_points_in_its_middle() -> None:
    localizer = network(boxes="shared", keypoints=1)
    assert localizer.point_head is not None
    says(localizer.class_head, [0.0, 0.0, 50.0])
    says(localizer.box_head, [0.0] * 4)
    says(localizer.point_head, [0.0, 0.25])
    outputs = found(localizer)
    assert outputs["boxes"][0].tolist() == [[0.0, 0.0, 96.0, 64.0]]
    assert outputs["keypoints"][0].tolist() == [[[48.0, 48.0, 1.0]]]


def test_a_background_takes_its_share_and_is_never_found() -> None:
    localizer = network(has_background=True)
    says(localizer.class_head, [2.0, 0.0, 0.0, 0.0])
    outputs = found(localizer)
    share = 1 / (torch.tensor(2.0).exp() + 3)
    torch.testing.assert_close(outputs["scores"], share.expand(2, 1))
    assert outputs["class_ids"].tolist() == [[0], [0]]


def test_an_unknown_map_is_refused() -> None:
    with pytest.raises(ValueError, match="got 'conv9'"):
        network(map="conv9")
