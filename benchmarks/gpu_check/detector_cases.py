"""The kernels of detectors at work: suppression, pooling of regions, decoding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from benchmarks.gpu_check import references
from benchmarks.gpu_check.case import Case, Sizes, moved, torchvision
from benchmarks.gpu_check.gpu import Gpu, on_gpu
from streamdet.kernels import nms as nms_kernel
from streamdet.kernels import yolox as yolox_kernel
from streamdet.kernels.roi_align_fpn import RoiAlignFpn
from streamdet.kernels.roi_pool import RoiPool
from streamdet.ops.nms import batched_nms
from streamdet.ops.roi_align import roi_align_fpn
from streamdet.ops.roi_pool import roi_pool

_STRIDES: Final = (4, 8, 16, 32)


def nms_case(gpu: Gpu, sizes: Sizes) -> Case:
    """Suppress the boxes of an image, of three classes, with many ties."""
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
    workspace_size = nms_kernel.workspace_bytes(1, count) // 8 + 1
    workspace = torch.zeros(workspace_size, dtype=torch.int64, device=gpu.device)
    rows = [torch.full_like(each, -7) for each in arrays]
    candidates, kept = (
        nms_kernel.Candidates(*map(on_gpu, arrays)),
        nms_kernel.Kept(on_gpu(indices), on_gpu(counts)),
    )
    launches = nms_kernel.Nms(0.5, 0.0).launches(candidates, workspace.data_ptr(), kept)
    launches += nms_kernel.take(candidates, kept, nms_kernel.Candidates(*map(on_gpu, rows)))
    wanted = batched_nms(xyxy, scores, class_ids, 0.5)

    def check() -> None:
        assert counts.tolist() == [len(wanted)]
        np.testing.assert_array_equal(indices[0, : len(wanted)].cpu().numpy(), wanted)
        for row, given in zip(rows, (xyxy, scores, class_ids), strict=True):
            np.testing.assert_array_equal(row[0, : len(wanted)].cpu().numpy(), given[wanted])

    vision = torchvision()
    theirs = vision and (
        lambda: vision.ops.batched_nms(arrays[0][0], arrays[1][0], arrays[2][0], 0.5)
    )
    held = (*arrays, indices, counts, workspace, *rows)
    size = moved(*arrays, indices, counts, *rows)
    return Case("nms", launches, check, "every bit", size, theirs, held)


def _boxes(rng: np.random.Generator, count: int, hw: tuple[int, int], largest: float) -> Any:
    corners = rng.uniform(0, 1, (count, 2)) * np.array(hw[::-1])
    ends = corners + rng.uniform(4, largest, (count, 2))
    return np.concatenate([corners, ends], axis=1).astype(np.float32)


def roi_align_fpn_case(gpu: Gpu, sizes: Sizes, dtype: torch.dtype = torch.float32) -> Case:
    """Pool regions of two images from four maps."""
    rois = torch.from_numpy(_regions(sizes))
    maps = [each.to(dtype) for each in _maps(gpu, sizes, _STRIDES)]
    on_device = rois.to(gpu.device)
    pooled = torch.full((sizes.regions, sizes.channels, 7, 7), -7.0, dtype=dtype, device=gpu.device)
    op = RoiAlignFpn.of_strides(_STRIDES, 7)
    launches = op.launches(on_gpu(on_device), [on_gpu(each) for each in maps], on_gpu(pooled))

    tolerance = 1e-5 if dtype == torch.float32 else 2**-11 + 1e-5  # rounded to 11 bits

    def check() -> None:
        on_cpu = [each.cpu().float() for each in maps]
        wanted = roi_align_fpn(on_cpu, rois, strides=_STRIDES, output_side=7)
        torch.testing.assert_close(pooled.cpu().float(), wanted, rtol=tolerance, atol=1e-5)

    vision = torchvision()
    theirs = vision and (lambda: _their_roi_align(vision, maps, on_device, sizes.image_hw))
    held, size = (*maps, on_device, pooled), moved(*maps, on_device, pooled)
    agreement = "1e-5" if dtype == torch.float32 else "half a digit of float16"
    return Case("roi_align_fpn", launches, check, agreement, size, theirs, held)


def _their_roi_align(
    vision: Any, maps: Sequence[Tensor], rois: Tensor, hw: tuple[int, int]
) -> object:
    pooler = vision.ops.MultiScaleRoIAlign([str(n) for n in range(len(maps))], 7, 2)
    boxes = [rois[rois[:, 0] == image, 1:] for image in range(2)]
    return pooler({str(n): each for n, each in enumerate(maps)}, boxes, [hw, hw])


def roi_pool_case(gpu: Gpu, sizes: Sizes, dtype: torch.dtype = torch.float32) -> Case:
    """Pool regions of two images from one map."""
    rois = torch.from_numpy(_regions(sizes))
    [features], on_device = _maps(gpu, sizes, [16]), rois.to(gpu.device)
    features = features.to(dtype)
    pooled = torch.full((sizes.regions, sizes.channels, 7, 7), -7.0, dtype=dtype, device=gpu.device)
    launches = RoiPool((7, 7), 1 / 16).launches(on_gpu(on_device), on_gpu(features), on_gpu(pooled))

    def check() -> None:
        wanted = roi_pool(features.cpu().float(), rois, (7, 7), spatial_scale=1 / 16)
        torch.testing.assert_close(pooled.cpu().float(), wanted, rtol=0, atol=0)

    vision = torchvision()
    theirs = vision and (lambda: vision.ops.roi_pool(features, on_device, (7, 7), 1 / 16))
    held, size = (features, on_device, pooled), moved(features, on_device, pooled)
    return Case("roi_pool", launches, check, "every bit", size, theirs, held)


def _regions(sizes: Sizes) -> Any:
    boxes = _boxes(np.random.default_rng(1), sizes.regions, sizes.image_hw, 500)
    images = (np.arange(sizes.regions) % 2).astype(np.float32)[:, None]
    return np.concatenate([images, boxes], axis=1)


def _maps(gpu: Gpu, sizes: Sizes, strides: Sequence[int]) -> list[Tensor]:
    height, width = sizes.image_hw
    generator = torch.Generator().manual_seed(2)
    shapes = [(2, sizes.channels, -(-height // each), -(-width // each)) for each in strides]
    return [torch.randn(shape, generator=generator).to(gpu.device) for shape in shapes]


def yolox_case(gpu: Gpu, sizes: Sizes, dtype: torch.dtype = torch.float32) -> Case:
    """Decode the best cells of an image, of 80 classes."""
    rng, classes, most = np.random.default_rng(5), 80, 1000
    height, width = sizes.input_hw
    cells = sum(-(-height // stride) * -(-width // stride) for stride in (8, 16, 32))
    numbers = rng.normal(0, 1, (cells, 5 + classes)).astype(np.float32)
    numbers[:, 4:] = rng.integers(0, 1000, (cells, 1 + classes)) / 1000
    output = torch.from_numpy(numbers[None]).to(gpu.device, dtype)
    numbers = output[0].float().cpu().numpy()
    is_wanted = torch.ones(classes, dtype=torch.uint8, device=gpu.device)
    xyxy = torch.full((1, most, 4), -7.0, device=gpu.device)
    scores = torch.full((1, most), -7.0, device=gpu.device)
    class_ids = torch.full((1, most), -7, dtype=torch.int64, device=gpu.device)
    workspace_size = yolox_kernel.workspace_bytes(1, cells) // 8 + 1
    workspace = torch.zeros(workspace_size, dtype=torch.int64, device=gpu.device)
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
    size = moved(output, xyxy, scores, class_ids)
    return Case("yolox", launches, check, "1e-5, order exact", size, None, held)
