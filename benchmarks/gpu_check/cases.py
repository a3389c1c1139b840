"""The kernels at work: inputs at random, what must come out, and what torchvision has for it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from benchmarks.gpu_check import references
from benchmarks.gpu_check.gpu import Gpu, on_gpu
from streamdet.kernels import draw
from streamdet.kernels import nms as nms_kernel
from streamdet.kernels import yolox as yolox_kernel
from streamdet.kernels.launch import Launch
from streamdet.kernels.prepare import BgrFrame, Nv12Frame, Prepare, YuvMatrix
from streamdet.kernels.roi_align_fpn import RoiAlignFpn
from streamdet.kernels.roi_pool import RoiPool
from streamdet.ops.nms import batched_nms
from streamdet.ops.roi_align import roi_align_fpn
from streamdet.ops.roi_pool import roi_pool

_STRIDES: Final = (4, 8, 16, 32)
_MEAN, _STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much there is to do; the defaults are a detector's on a 1080p camera.

    Attributes:
        boxes: candidates of an image.
        regions: of an image.
        channels: of feature maps.
        image_hw: whose maps they are, pixels.
        frame_hw: of a camera, pixels.
        frames: prepared one after the other, each from memory of its own.
        input_hw: of a network.
    """

    boxes: int = 5000
    regions: int = 1000
    channels: int = 256
    image_hw: tuple[int, int] = (800, 1344)
    frame_hw: tuple[int, int] = (1080, 1920)
    frames: int = 32
    input_hw: tuple[int, int] = (640, 640)


SMALL: Final = Sizes(300, 12, 9, (160, 192), (90, 160), 2, (64, 96))
"""For a CPU that plays a GPU."""


@dataclass(frozen=True, slots=True)
class Case:
    """A kernel with its arrays.

    Attributes:
        file: of engines/kernels.
        launches: the work.
        check: raises AssertionError if what came out is not what must.
        agreement: what `check` asks for, in words.
        moved: bytes that must be read and written at least.
        theirs: the same by torchvision, on the same arrays; None where it has nothing like it.
        held: arrays that must not be freed before.
    """

    file: str
    launches: Sequence[Launch]
    check: Callable[[], None]
    agreement: str
    moved: int
    theirs: Callable[[], object] | None
    held: tuple[Any, ...]


def _torchvision() -> Any:
    """Torchvision where it can be imported, else None."""
    with suppress(ImportError, RuntimeError, OSError):  # made for another torch, it raises them
        return importlib.import_module("torchvision")
    return None


def _moved(*tensors: Tensor) -> int:
    return sum(each.numel() * each.element_size() for each in tensors)


def _boxes(rng: np.random.Generator, count: int, hw: tuple[int, int], largest: float) -> Any:
    corners = rng.uniform(0, 1, (count, 2)) * np.array(hw[::-1])
    ends = corners + rng.uniform(4, largest, (count, 2))
    return np.concatenate([corners, ends], axis=1).astype(np.float32)


def _nms(gpu: Gpu, sizes: Sizes) -> Case:
    rng, count = np.random.default_rng(0), sizes.boxes
    xyxy = _boxes(rng, count, sizes.image_hw, 200)
    scores = rng.integers(1, 1000, count).astype(np.float32) / 1000  # many ties
    class_ids = rng.integers(0, 3, count)
    arrays = [
        torch.from_numpy(each[None]).to(gpu.device).contiguous()
        for each in (xyxy, scores, class_ids)
    ]
    indices = torch.full((1, count), -7, dtype=torch.int64, device=gpu.device)
    counts = torch.full((1,), -7, dtype=torch.int64, device=gpu.device)
    size = nms_kernel.workspace_bytes(1, count) // 8 + 1
    workspace = torch.zeros(size, dtype=torch.int64, device=gpu.device)
    launches = nms_kernel.Nms(0.5, 0.0).launches(
        nms_kernel.Candidates(*map(on_gpu, arrays)),
        workspace.data_ptr(),
        nms_kernel.Kept(on_gpu(indices), on_gpu(counts)),
    )
    wanted = batched_nms(xyxy, scores, class_ids, 0.5)

    def check() -> None:
        assert counts.tolist() == [len(wanted)]
        np.testing.assert_array_equal(indices[0, : len(wanted)].cpu().numpy(), wanted)

    vision = _torchvision()
    theirs = vision and (
        lambda: vision.ops.batched_nms(arrays[0][0], arrays[1][0], arrays[2][0], 0.5)
    )
    held = (*arrays, indices, counts, workspace)
    moved = _moved(*arrays, indices, counts)
    return Case("nms", launches, check, "every bit", moved, theirs, held)


def _regions(sizes: Sizes) -> Any:
    boxes = _boxes(np.random.default_rng(1), sizes.regions, sizes.image_hw, 500)
    images = (np.arange(sizes.regions) % 2).astype(np.float32)[:, None]
    return np.concatenate([images, boxes], axis=1)


def _maps(gpu: Gpu, sizes: Sizes, strides: Sequence[int]) -> list[Tensor]:
    height, width = sizes.image_hw
    generator = torch.Generator().manual_seed(2)
    shapes = [(2, sizes.channels, -(-height // each), -(-width // each)) for each in strides]
    return [torch.randn(shape, generator=generator).to(gpu.device) for shape in shapes]


def _roi_align_fpn(gpu: Gpu, sizes: Sizes) -> Case:
    rois = torch.from_numpy(_regions(sizes))
    maps, on_device = _maps(gpu, sizes, _STRIDES), rois.to(gpu.device)
    pooled = torch.full((sizes.regions, sizes.channels, 7, 7), -7.0, device=gpu.device)
    op = RoiAlignFpn.of_strides(_STRIDES, 7)
    launches = op.launches(on_gpu(on_device), [on_gpu(each) for each in maps], on_gpu(pooled))

    def check() -> None:
        wanted = roi_align_fpn([each.cpu() for each in maps], rois, strides=_STRIDES, output_side=7)
        torch.testing.assert_close(pooled.cpu(), wanted, rtol=1e-5, atol=1e-5)

    vision = _torchvision()
    theirs = vision and (lambda: _their_roi_align(vision, maps, on_device, sizes.image_hw))
    held, moved = (*maps, on_device, pooled), _moved(*maps, on_device, pooled)
    return Case("roi_align_fpn", launches, check, "1e-5", moved, theirs, held)


def _their_roi_align(
    vision: Any, maps: Sequence[Tensor], rois: Tensor, hw: tuple[int, int]
) -> object:
    pooler = vision.ops.MultiScaleRoIAlign([str(n) for n in range(len(maps))], 7, 2)
    boxes = [rois[rois[:, 0] == image, 1:] for image in range(2)]
    return pooler({str(n): each for n, each in enumerate(maps)}, boxes, [hw, hw])


def _roi_pool(gpu: Gpu, sizes: Sizes) -> Case:
    rois = torch.from_numpy(_regions(sizes))
    [features], on_device = _maps(gpu, sizes, [16]), rois.to(gpu.device)
    pooled = torch.full((sizes.regions, sizes.channels, 7, 7), -7.0, device=gpu.device)
    launches = RoiPool((7, 7), 1 / 16).launches(on_gpu(on_device), on_gpu(features), on_gpu(pooled))

    def check() -> None:
        wanted = roi_pool(features.cpu(), rois, (7, 7), spatial_scale=1 / 16)
        torch.testing.assert_close(pooled.cpu(), wanted, rtol=0, atol=0)

    vision = _torchvision()
    theirs = vision and (lambda: vision.ops.roi_pool(features, on_device, (7, 7), 1 / 16))
    held, moved = (features, on_device, pooled), _moved(features, on_device, pooled)
    return Case("roi_pool", launches, check, "every bit", moved, theirs, held)


def _bytes(gpu: Gpu, shape: Sequence[int], seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    made = torch.randint(0, 256, tuple(shape), dtype=torch.uint8, generator=generator)
    return made.to(gpu.device)


def _prepared(gpu: Gpu, sizes: Sizes) -> Tensor:
    return torch.full((sizes.frames, 3, *sizes.input_hw), -7.0, device=gpu.device)


def _fitted(sizes: Sizes) -> Prepare:
    """A letterbox: the largest image of the frame's aspect ratio, padding below or beside it."""
    pairs = zip(sizes.input_hw, sizes.frame_hw, strict=True)
    ratio = min(inner / outer for inner, outer in pairs)
    hw = int(sizes.frame_hw[0] * ratio), int(sizes.frame_hw[1] * ratio)
    return Prepare(hw, is_rgb=True, mean=_MEAN, std=_STD)


def _check_prepared(prepared: Tensor, frame: Any, op: Prepare, place: int) -> None:
    canvas = np.full((*prepared.shape[2:], 3), 114, np.uint8)
    canvas[: op.hw[0], : op.hw[1]] = references.resized(frame, op.hw)
    wanted = references.normalised(canvas, op.mean, op.std)
    np.testing.assert_array_equal(prepared[place].cpu().numpy(), wanted)


def _prepare_bgr(gpu: Gpu, sizes: Sizes) -> Case:
    height, width = sizes.frame_hw
    frames, prepared = _bytes(gpu, (sizes.frames, height, width, 3), 3), _prepared(gpu, sizes)
    op, launches = _fitted(sizes), []
    for place in range(sizes.frames):
        frame = BgrFrame(frames[place].data_ptr(), width * 3, sizes.frame_hw)
        launches += op.launches(frame, on_gpu(prepared[place]))

    def check() -> None:
        for place in (0, sizes.frames - 1):
            _check_prepared(prepared, frames[place].cpu().numpy(), op, place)

    moved = _moved(frames) + _moved(prepared)
    held = (frames, prepared)
    return Case("prepare", launches, check, "every bit", moved, None, held)


def _prepare_nv12(gpu: Gpu, sizes: Sizes) -> Case:
    height, width = sizes.frame_hw
    frames, prepared = _bytes(gpu, (sizes.frames, height * 3 // 2, width), 4), _prepared(gpu, sizes)
    op, matrix, launches = _fitted(sizes), YuvMatrix.of(0.2126, 0.0722), []
    for place in range(sizes.frames):
        luma = frames[place].data_ptr()
        frame = Nv12Frame(luma, luma + height * width, width, sizes.frame_hw, matrix)
        launches += op.launches(frame, on_gpu(prepared[place]))

    def check() -> None:
        for place in (0, sizes.frames - 1):
            rows = frames[place].cpu().numpy()
            bgr = references.bgr_of_nv12(rows[:height], rows[height:], matrix.factors)
            _check_prepared(prepared, bgr, op, place)

    moved = _moved(frames) + _moved(prepared)
    held = (frames, prepared)
    return Case("prepare", launches, check, "every bit", moved, None, held)


def _yolox(gpu: Gpu, sizes: Sizes) -> Case:
    rng, classes, most = np.random.default_rng(5), 80, 1000
    height, width = sizes.input_hw
    cells = sum(-(-height // stride) * -(-width // stride) for stride in (8, 16, 32))
    numbers = rng.normal(0, 1, (cells, 5 + classes)).astype(np.float32)
    numbers[:, 4:] = rng.integers(0, 1000, (cells, 1 + classes)) / 1000
    output = torch.from_numpy(numbers[None]).to(gpu.device)
    is_wanted = torch.ones(classes, dtype=torch.uint8, device=gpu.device)
    xyxy = torch.full((1, most, 4), -7.0, device=gpu.device)
    scores = torch.full((1, most), -7.0, device=gpu.device)
    class_ids = torch.full((1, most), -7, dtype=torch.int64, device=gpu.device)
    size = yolox_kernel.workspace_bytes(1, cells) // 8 + 1
    workspace = torch.zeros(size, dtype=torch.int64, device=gpu.device)
    top = nms_kernel.Candidates(on_gpu(xyxy), on_gpu(scores), on_gpu(class_ids))
    launches = yolox_kernel.YoloxTop(sizes.input_hw, 0.25).launches(
        on_gpu(output), on_gpu(is_wanted), workspace.data_ptr(), top
    )

    def check() -> None:
        boxes, values, ids = references.top_cells(numbers, sizes.input_hw, 0.25, most)
        count = len(values)
        np.testing.assert_array_equal(scores[0, :count].cpu().numpy(), values)
        np.testing.assert_array_equal(class_ids[0, :count].cpu().numpy(), ids)
        np.testing.assert_allclose(xyxy[0, :count].cpu().numpy(), boxes, rtol=1e-5, atol=1e-3)
        assert (scores[0, count:] == -1).all()

    held = (output, is_wanted, xyxy, scores, class_ids, workspace)
    moved = _moved(output, xyxy, scores, class_ids)
    return Case("yolox", launches, check, "1e-5, order exact", moved, None, held)


def _draw(gpu: Gpu, sizes: Sizes) -> Case:
    height, width = sizes.frame_hw
    frame, rng = _bytes(gpu, (height * 3 // 2, width), 6), np.random.default_rng(7)
    wanted = frame.cpu().numpy().copy()
    corners = rng.integers(0, [width, height], (300, 2)) // 2 * 2
    sides = rng.integers(1, 30, (300, 2)) * 2
    operations = np.zeros(300, draw.OPERATION)
    for place, ((x, y), (right, down)) in enumerate(zip(corners, corners + sides, strict=True)):
        operations[place] = (x, y, right, down, draw.Kind.FILL, place % 256 | 90 << 8, 0, 0)
        wanted[y : min(down, height), x:right] = place % 256
        wanted[height + y // 2 : height + min(down, height) // 2, x:right:2] = 90
        wanted[height + y // 2 : height + min(down, height) // 2, x + 1 : right : 2] = 0
    listed = torch.from_numpy(operations.view(np.int32)).to(gpu.device)
    described = on_gpu(listed)
    masks = torch.zeros(1, dtype=torch.uint8, device=gpu.device)
    luma = frame.data_ptr()
    launches = draw.launches(
        Nv12Frame(luma, luma + height * width, width, sizes.frame_hw, YuvMatrix.of(0.3, 0.1)),
        type(described)(described.pointer, (300,), draw.OPERATION),
        on_gpu(masks),
    )

    def check() -> None:
        np.testing.assert_array_equal(frame.cpu().numpy(), wanted)

    held, moved = (frame, listed, masks), 2 * _moved(frame)
    return Case("draw", launches, check, "every bit", moved, None, held)


CASES: Final[Mapping[str, Callable[[Gpu, Sizes], Case]]] = {
    "nms": _nms,
    "roi_align_fpn": _roi_align_fpn,
    "roi_pool": _roi_pool,
    "prepare_bgr, all frames": _prepare_bgr,
    "prepare_nv12, all frames": _prepare_nv12,
    "yolox_top": _yolox,
    "draw_nv12": _draw,
}
"""By name; made one after the other, since their arrays need not fit together."""
