"""Pooling, suppression, anchors and box coding are torchvision's, number by number.

Runs where torchvision can be imported: `make parity`.
"""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import torch
from torch import Tensor

from streamdet.ops.anchors import level_anchors
from streamdet.ops.box_coding import HEAD_WEIGHTS, decode_boxes, encode_boxes
from streamdet.ops.boxes import clip_boxes
from streamdet.ops.iou import pairwise_iou
from streamdet.ops.nms import batched_nms, nms
from streamdet.ops.roi_align import roi_align, roi_align_fpn
from streamdet.ops.roi_pool import roi_pool

if importlib.util.find_spec("torchvision") is None:
    pytest.skip("no torchvision here: see `make parity`", allow_module_level=True)

import torchvision
from torchvision.models.detection._utils import BoxCoder
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList

DTYPES = [torch.float32, torch.float64]
MAPS = [(50, 50), (7, 31), (1, 1)]


def regions(count: int, dtype: torch.dtype) -> Tensor:
    """Regions in and around an image of 800 x 800 of two; some of no size, some inside out."""
    generator = torch.Generator().manual_seed(count)
    corners = torch.rand(count, 2, 2, generator=generator, dtype=dtype) * 1000 - 100
    corners[::3] = (corners[::3] / 8).round() * 8  # halves of a cell
    low, high = corners.amin(dim=1), corners.amax(dim=1)
    high[::7] = low[::7]
    low[::11], high[::11] = high[::11].clone(), low[::11].clone()
    image = torch.randint(0, 2, (count, 1), generator=generator).to(dtype)
    return torch.cat([image, low, high], dim=1)


def boxes(count: int, side: float, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(count)
    corner = torch.rand(count, 2, generator=generator, dtype=dtype) * 600
    return torch.cat([corner, corner + 1 + torch.rand(count, 2, generator=generator) * side], 1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("map_hw", MAPS)
@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("sampling_ratio", [-1, 0, 1, 2, 3])
def test_roi_align(
    dtype: torch.dtype, map_hw: tuple[int, int], aligned: bool, sampling_ratio: int
) -> None:
    features, scale = torch.randn(2, 5, *map_hw, dtype=dtype), 1 / 16
    for count, output_hw in [(80, (7, 7)), (40, (1, 1)), (33, (3, 5)), (0, (7, 7))]:
        rois = regions(count, dtype)
        wanted = torchvision.ops.roi_align(
            features, rois, output_hw, scale, sampling_ratio, aligned
        )
        pooled = roi_align(
            features, rois, output_hw, spatial_scale=scale, sampling_ratio=sampling_ratio,
            aligned=aligned,
        )  # fmt: skip
        torch.testing.assert_close(pooled, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("sampling_ratio", [0, 2])
def test_the_gradient_of_roi_align(sampling_ratio: int) -> None:
    rois, weights = regions(40, torch.float64), torch.randn(40, 3, 7, 7, dtype=torch.float64)
    ours = torch.randn(2, 3, 20, 30, dtype=torch.float64, requires_grad=True)
    theirs = ours.detach().clone().requires_grad_()
    pooled = roi_align(ours, rois, (7, 7), spatial_scale=1 / 32, sampling_ratio=sampling_ratio)
    wanted = torchvision.ops.roi_align(theirs, rois, (7, 7), 1 / 32, sampling_ratio)
    (pooled * weights).sum().backward()  # type: ignore[no-untyped-call]
    (wanted * weights).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("map_hw", MAPS)
def test_roi_pool(dtype: torch.dtype, map_hw: tuple[int, int]) -> None:
    features = torch.randn(2, 5, *map_hw, dtype=dtype)
    for count, output_hw in [(80, (7, 7)), (40, (1, 1)), (33, (13, 5)), (0, (7, 7))]:
        rois = regions(count, dtype)
        wanted = torchvision.ops.roi_pool(features, rois, output_hw, 1 / 16)
        assert torch.equal(roi_pool(features, rois, output_hw, spatial_scale=1 / 16), wanted)


@pytest.mark.parametrize("strides", [(4, 8, 16, 32), (8, 16), (32, 32)])
@pytest.mark.parametrize("count", [0, 90])
def test_roi_align_over_a_pyramid(strides: tuple[int, ...], count: int) -> None:
    maps = [torch.randn(2, 4, 800 // stride, 800 // stride) for stride in strides]
    rois = regions(count, torch.float32)
    rois = rois[(rois[:, 3:] >= rois[:, 1:3]).all(dim=1)]  # torchvision leaves the others out
    names = [str(level) for level in range(len(maps))]
    pooler = torchvision.ops.MultiScaleRoIAlign(names, output_size=7, sampling_ratio=2)
    rois = rois[rois[:, 0].argsort(stable=True)]
    per_image = [rois[rois[:, 0] == image, 1:] for image in range(2)]
    wanted = pooler(dict(zip(names, maps, strict=True)), per_image, [(800, 800)] * 2)
    pooled = roi_align_fpn(maps, rois, strides=strides, output_side=7, sampling_ratio=2)
    torch.testing.assert_close(pooled, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("side", [30.0, 200.0, 600.0])
@pytest.mark.parametrize("count", [0, 1, 300, 2000])
def test_nms(dtype: torch.dtype, side: float, count: int) -> None:
    xyxy = boxes(count, side, dtype)
    scores = (torch.rand(count, generator=torch.Generator().manual_seed(1)) * 500).round()  # ties
    scores = scores - torch.arange(count) * 1e-4  # torchvision leaves the order of ties open
    class_ids = torch.arange(count) % 7
    for iou_thresh in (0.0, 0.31, 0.5, 0.7):
        wanted = torchvision.ops.nms(xyxy, scores.to(dtype), iou_thresh)
        assert nms(xyxy.numpy(), scores.numpy(), iou_thresh).tolist() == wanted.tolist()
        wanted = torchvision.ops.batched_nms(xyxy, scores.to(dtype), class_ids, iou_thresh)
        kept = batched_nms(xyxy.numpy(), scores.numpy(), class_ids.numpy(), iou_thresh)
        assert kept.tolist() == wanted.tolist()


def test_overlaps() -> None:
    left, right = boxes(40, 300, torch.float64), boxes(60, 300, torch.float64)
    iou = torchvision.ops.box_iou(left, right).numpy()
    np.testing.assert_allclose(pairwise_iou(left.numpy(), right.numpy()), iou, atol=1e-12)


@pytest.mark.parametrize("weights", [HEAD_WEIGHTS, (1.0, 1.0, 1.0, 1.0)])
def test_box_coding(weights: tuple[float, float, float, float]) -> None:
    coder, references, xyxy = BoxCoder(weights), boxes(50, 200), boxes(51, 200)[:50]
    torch.testing.assert_close(
        encode_boxes(xyxy, references, weights), coder.encode_single(xyxy, references)
    )
    deltas = torch.randn(50, 3, 4) * 3
    wanted = coder.decode_single(deltas.flatten(1), references).reshape(50, 3, 4)
    torch.testing.assert_close(decode_boxes(deltas, references[:, None], weights), wanted)


def test_clipping() -> None:
    xyxy = regions(60, torch.float32)[:, 1:]
    wanted = torchvision.ops.clip_boxes_to_image(xyxy, (480, 641))
    assert torch.equal(clip_boxes(xyxy, (480, 641)), wanted)


@pytest.mark.parametrize("image_hw", [(320, 320), (800, 1088), (333, 501)])
def test_anchors(image_hw: tuple[int, int]) -> None:
    scales, ratios = [[32, 64], [128, 256], [512, 724]], [0.5, 1.0, 2.0]
    map_hws = [(-(-image_hw[0] // stride), -(-image_hw[1] // stride)) for stride in (8, 16, 64)]
    generator = AnchorGenerator(tuple(map(tuple, scales)), (tuple(ratios),) * 3)
    images = ImageList(torch.zeros(1, 3, *image_hw), [image_hw])
    wanted = generator(images, [torch.zeros(1, 1, *map_hw) for map_hw in map_hws])[0]
    assert torch.equal(torch.cat(level_anchors(image_hw, map_hws, scales, ratios)), wanted)
