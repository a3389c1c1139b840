"""The kernels of frames at work: preparing, resizing, drawing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from benchmarks.gpu_check import references
from benchmarks.gpu_check.case import Case, Sizes, moved
from benchmarks.gpu_check.gpu import Gpu, on_gpu
from streamdet.kernels import draw, nv12
from streamdet.kernels.prepare import BgrFrame, Nv12Frame, Prepare, Resize, YuvMatrix

_MEAN: Final = (123.675, 116.28, 103.53)
_STD: Final = (58.395, 57.12, 57.375)


def prepare_bgr_case(gpu: Gpu, sizes: Sizes, dtype: torch.dtype = torch.float32) -> Case:
    """Prepare frames of BGR, one launch each."""
    height, width = sizes.frame_hw
    frames, prepared = (
        _bytes(gpu, (sizes.frames, height, width, 3), 3),
        _prepared(gpu, sizes, dtype),
    )
    op, launches = _fitted(sizes), []
    for place in range(sizes.frames):
        frame = BgrFrame(frames[place].data_ptr(), width * 3, sizes.frame_hw)
        launches += op.launches(frame, on_gpu(prepared[place]))

    def check() -> None:
        for place in (0, sizes.frames - 1):
            _check_prepared(prepared, frames[place].cpu().numpy(), op, place)

    size = moved(frames) + moved(prepared)
    held = (frames, prepared)
    return Case("prepare", launches, check, "every bit", size, None, held)


def prepare_nv12_case(gpu: Gpu, sizes: Sizes, dtype: torch.dtype = torch.float32) -> Case:
    """Prepare frames of NV12, one launch each."""
    height, width = sizes.frame_hw
    frames, prepared = (
        _bytes(gpu, (sizes.frames, height * 3 // 2, width), 4),
        _prepared(gpu, sizes, dtype),
    )
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

    size = moved(frames) + moved(prepared)
    held = (frames, prepared)
    return Case("prepare", launches, check, "every bit", size, None, held)


def resize_case(gpu: Gpu, sizes: Sizes) -> Case:
    """Resize frames of BGR to bytes, one launch each."""
    height, width = sizes.frame_hw
    frames = _bytes(gpu, (sizes.frames, height, width, 3), 8)
    resized = _bytes(gpu, (sizes.frames, *sizes.input_hw, 3), 9)
    op, launches = Resize(_fitted(sizes).hw), []
    for place in range(sizes.frames):
        frame = BgrFrame(frames[place].data_ptr(), width * 3, sizes.frame_hw)
        launches += op.launches(frame, resized[place].data_ptr(), sizes.input_hw)

    def check() -> None:
        for place in (0, sizes.frames - 1):
            wanted = _letterboxed(frames[place].cpu().numpy(), op.hw, sizes.input_hw)
            np.testing.assert_array_equal(resized[place].cpu().numpy(), wanted)

    size, held = moved(frames, resized), (frames, resized)
    return Case("prepare", launches, check, "every bit", size, None, held)


def nv12_case(gpu: Gpu, sizes: Sizes) -> Case:
    """Convert a frame of BGR for an encoder."""
    height, width = sizes.frame_hw
    frame = _bytes(gpu, (height, width, 3), 11)
    converted = _bytes(gpu, (height * 3 // 2, width), 12)
    launches = nv12.launches(
        BgrFrame(frame.data_ptr(), width * 3, sizes.frame_hw), on_gpu(converted)
    )
    wanted = references.nv12(frame.cpu().numpy())

    def check() -> None:
        np.testing.assert_array_equal(converted.cpu().numpy(), wanted)

    held, size = (frame, converted), moved(frame, converted)
    return Case("nv12", launches, check, "every bit", size, None, held)


def _check_prepared(prepared: Tensor, frame: Any, op: Prepare, place: int) -> None:
    canvas = _letterboxed(frame, op.hw, prepared.shape[2:])
    wanted = references.normalised(canvas, op.mean, op.std)
    found = prepared[place].cpu().numpy()
    np.testing.assert_array_equal(found, wanted.astype(found.dtype))


def _letterboxed(frame: Any, hw: tuple[int, int], out_hw: Sequence[int]) -> Any:
    canvas = np.full((*out_hw, 3), 114, np.uint8)
    canvas[: hw[0], : hw[1]] = references.resized(frame, hw)
    return canvas


def _prepared(gpu: Gpu, sizes: Sizes, dtype: torch.dtype) -> Tensor:
    return torch.full((sizes.frames, 3, *sizes.input_hw), -7.0, dtype=dtype, device=gpu.device)


def _fitted(sizes: Sizes) -> Prepare:
    """A letterbox: the largest image of the frame's aspect ratio, padding below or beside it."""
    pairs = zip(sizes.input_hw, sizes.frame_hw, strict=True)
    ratio = min(inner / outer for inner, outer in pairs)
    hw = int(sizes.frame_hw[0] * ratio), int(sizes.frame_hw[1] * ratio)
    return Prepare(hw, is_rgb=True, mean=_MEAN, std=_STD)


def draw_case(gpu: Gpu, sizes: Sizes) -> Case:
    """Fill 300 rectangles of a frame."""
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

    held, size = (frame, listed, masks), 2 * moved(frame)
    return Case("draw", launches, check, "every bit", size, None, held)


def _bytes(gpu: Gpu, shape: Sequence[int], seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    made = torch.randint(0, 256, tuple(shape), dtype=torch.uint8, generator=generator)
    return made.to(gpu.device)
