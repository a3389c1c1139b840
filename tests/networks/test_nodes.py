"""A node of ours does in an exported file, on every runtime, what it does in torch."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from streamdet.building.export import export
from streamdet.networks import nodes
from streamdet.ops.regions import numbered
from streamdet.registry import load
from streamdet.runtimes import ImageInput, RuntimeOptions, Tensors

HW = (64, 96)
ROWS = 60
CLASSES = 3


class Suppression(nn.Module):
    extra_inputs: ClassVar = {"boxes": (ROWS, 4), "scores": (ROWS,), "class_ids": (ROWS,)}

    def forward(
        self, image: Tensor, boxes: Tensor, scores: Tensor, class_ids: Tensor
    ) -> dict[str, Tensor]:
        kept = nodes.nms(
            boxes,
            scores + 0 * image.mean(),
            class_ids.long(),
            classes=CLASSES,
            iou_thresh=0.5,
            score_thresh=0.1,
            most=20,
        )
        there = torch.arange(20) < kept.counts[:, None]
        return {"indices": torch.where(there, kept.indices, -1), "counts": kept.counts}


class PyramidPooling(nn.Module):
    extra_inputs: ClassVar = {"boxes": (ROWS, 4)}

    def __init__(self, strides: tuple[int, ...]) -> None:
        super().__init__()
        self.strides = strides

    def forward(self, image: Tensor, boxes: Tensor) -> dict[str, Tensor]:
        maps = [functional.avg_pool2d(image, stride) for stride in self.strides]
        pooled = nodes.multi_level_roi_align(
            numbered(boxes), maps, strides=self.strides, output_side=3
        )
        return {"pooled": pooled.view(boxes.shape[0], ROWS, 3, 3, 3)}


class MaxPooling(nn.Module):
    extra_inputs: ClassVar = {"boxes": (ROWS, 4)}

    def forward(self, image: Tensor, boxes: Tensor) -> dict[str, Tensor]:
        features = functional.avg_pool2d(image, 8)
        pooled = nodes.pool_rois(numbered(boxes), features, stride=8, output_side=7)
        return {"pooled": pooled.view(boxes.shape[0], ROWS, 3, 7, 7)}


NODES: dict[str, Callable[[], nn.Module]] = {
    "nms": Suppression,
    "align_one_level": lambda: PyramidPooling((8,)),
    "align_four_levels": lambda: PyramidPooling((4, 8, 16, 32)),
    "pool": MaxPooling,
}


class Exported(NamedTuple):
    module: nn.Module
    path: Path
    batch: int | None


@pytest.fixture(scope="module", params=[(name, batch) for name in NODES for batch in (None, 4)])
def exported(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Exported]:
    name, batch = request.param
    module: Any = NODES[name]()
    path = tmp_path_factory.mktemp("nodes") / f"{name}{batch}.onnx"
    onnx.save(export(module, "image", HW, batch), path)
    yield Exported(module, path, batch)


def boxes(rng: np.random.Generator, sides: tuple[float, float]) -> Any:
    """Boxes inside the image, some at its border, one of them empty."""
    hw = np.array(HW, dtype=np.float32)
    centres = rng.random((1, ROWS, 2)) * hw[::-1]
    half = rng.uniform(*sides, (1, ROWS, 2)) / 2
    xyxy = np.concatenate((centres - half, centres + half), axis=2)
    xyxy = xyxy.clip(0, np.tile(hw[::-1], 2))
    xyxy[:, -1] = [96, 10, 96, 20]
    return xyxy.astype(np.float32)


def inputs(
    module: nn.Module, seed: int, sides: tuple[float, float], highest_score: float
) -> Tensors:
    rng = np.random.default_rng(seed)
    values = {
        "boxes": boxes(rng, sides),
        "scores": rng.uniform(-1, highest_score, (1, ROWS)).astype(np.float32),
        "class_ids": rng.integers(0, CLASSES, (1, ROWS)).astype(np.float32),
    }
    wanted: Any = module.extra_inputs
    return {name: values[name] for name in wanted}


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
@pytest.mark.parametrize(
    ("sides", "highest_score"),
    [((2.0, 30.0), 1.0), ((100.0, 400.0), 1.0), ((2.0, 6.0), 0.05)],
    ids=["many", "large", "small_and_low"],
)
def test_a_node_gives_on_every_runtime_what_torch_gives(
    exported: Exported, runtime: str, sides: tuple[float, float], highest_score: float
) -> None:
    module, path, batch = exported
    number = batch or 2
    rng = np.random.default_rng(5)
    images = [rng.integers(0, 256, (*HW, 3), dtype=np.uint8) for _ in range(number)]
    extras = [inputs(module, seed, sides, highest_score) for seed in range(number)]
    image_input = ImageInput(name="image", hw=HW)
    found = load("runtime", runtime)(path, image_input, RuntimeOptions())(images, extras)
    image = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float()
    joined = {
        name: torch.from_numpy(np.concatenate([extra[name] for extra in extras]))
        for name in extras[0]
    }
    wanted = module(image, **joined)
    for row in range(number):
        for name, values in wanted.items():
            np.testing.assert_allclose(
                found[row][name][0], values[row].numpy(), rtol=1e-4, atol=1e-3
            )


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("name", ["align_one_level", "align_four_levels"])
def test_boxes_that_are_not_finite_pool_nothing_and_move_no_other(
    name: str, runtime: str, tmp_path: Path
) -> None:
    module: Any = NODES[name]()
    onnx.save(export(module, "image", HW), tmp_path / "align.onnx")
    rng = np.random.default_rng(5)
    pixels, xyxy = rng.integers(0, 256, (*HW, 3), dtype=np.uint8), boxes(rng, (2.0, 400.0))
    xyxy[0, 0], xyxy[0, 1, 2] = np.nan, np.nan
    xyxy[0, 2] = [20, 10, 10, 30]  # inside out
    run = load("runtime", runtime)(
        tmp_path / "align.onnx", ImageInput(name="image", hw=HW), RuntimeOptions()
    )
    found = run([pixels], [{"boxes": xyxy}])[0]["pooled"][0]
    image = torch.from_numpy(pixels[None]).permute(0, 3, 1, 2).float()
    wanted = module(image, torch.from_numpy(xyxy))["pooled"][0].numpy()
    assert not found[:2].any()
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-3)


def test_suppression_keeps_the_best_of_each_class_in_order() -> None:
    xyxy = torch.tensor([[[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 9], [50, 50, 60, 60]]]).float()
    scores = torch.tensor([[0.5, 0.9, 0.8, 0.7]])
    kept = nodes.nms(
        xyxy, scores, torch.tensor([[0, 0, 1, 1]]), classes=2, iou_thresh=0.5, score_thresh=0.1,
        most=4,
    )  # fmt: skip
    assert kept.counts.tolist() == [3]
    assert kept.indices[0, :3].tolist() == [1, 2, 3]  # 0 overlaps 1, of its class, by 0.9
