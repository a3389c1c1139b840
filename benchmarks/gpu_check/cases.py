"""All kernels at work, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import torch

from benchmarks.gpu_check import detector_cases, frame_cases
from benchmarks.gpu_check.case import Case, Sizes
from benchmarks.gpu_check.gpu import Gpu

CASES: Final[Mapping[str, Callable[[Gpu, Sizes], Case]]] = {
    "nms": detector_cases.nms_case,
    "roi_align_fpn": detector_cases.roi_align_fpn_case,
    "roi_align_fpn, float16": partial(detector_cases.roi_align_fpn_case, dtype=torch.float16),
    "roi_pool": detector_cases.roi_pool_case,
    "roi_pool, float16": partial(detector_cases.roi_pool_case, dtype=torch.float16),
    "yolox": detector_cases.yolox_case,
    "yolox, float16": partial(detector_cases.yolox_case, dtype=torch.float16),
    "prepare_nv12": frame_cases.prepare_nv12_case,
    "prepare_nv12, float16": partial(frame_cases.prepare_nv12_case, dtype=torch.float16),
    "prepare_bgr": frame_cases.prepare_bgr_case,
    "prepare_bgr, float16": partial(frame_cases.prepare_bgr_case, dtype=torch.float16),
    "resize_bgr": frame_cases.resize_case,
    "draw_nv12": frame_cases.draw_case,
    "bgr_to_nv12": frame_cases.nv12_case,
}
"""Made one after the other: their arrays need not fit together."""
