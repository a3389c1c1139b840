"""Decoding and suppression of YOLOX on a GPU: what is left of its cells comes to the CPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from streamdet.kernels import nms, yolox
from streamdet.kernels.launch import DeviceArray, Launch
from streamdet.kernels.nms import Candidates, Kept, Nms
from streamdet.kernels.yolox import YoloxTop
from streamdet.runtimes.gpu import Gpu

_NEVER_KEPT = -0.5
"""Above the score of rows without a candidate, -1, and below all others."""


@dataclass(frozen=True, slots=True)
class TailRules:
    """What becomes a detection.

    Attributes:
        top: how cells are decoded, and which.
        is_wanted: (C,) uint8, 1 for a class that is kept.
        iou_thresh: overlap above which the lower score goes.
        candidates: most cells of an image that are decoded.
        detections: most that are kept of them.
    """

    top: YoloxTop
    is_wanted: np.ndarray[tuple[int], np.dtype[np.uint8]]
    iou_thresh: float
    candidates: int
    detections: int


class YoloxTail:
    """Kernels that follow a YOLOX network; see runtimes/gpu/runtime.py.

    Its outputs are those of a network that ends in detections: see detectors/end_to_end.py.
    """

    def __init__(self, rules: TailRules, gpu: Gpu, output: DeviceArray) -> None:
        """Make room, and say what is launched.

        Args:
            rules: what becomes a detection.
            gpu: where.
            output: of the network, (B, N, 5 + C).
        """
        images, cells = output.shape[:2]
        is_wanted = gpu.array(rules.is_wanted.shape, np.uint8)
        gpu.upload(lambda room: np.copyto(room, rules.is_wanted), is_wanted)
        top = _candidates(gpu, images, rules.candidates)
        rows = _candidates(gpu, images, rules.detections)
        kept = Kept(gpu.array((images, rules.detections), np.int64), gpu.array((images,), np.int64))
        sizes = (
            yolox.workspace_bytes(images, cells),
            nms.workspace_bytes(images, rules.candidates),
        )
        workspace = gpu.array((max(sizes),), np.uint8).pointer
        suppress = Nms(rules.iou_thresh, _NEVER_KEPT)
        self.steps: Sequence[tuple[str, Sequence[Launch]]] = (
            ("yolox", rules.top.launches(output, is_wanted, workspace, top)),
            ("nms", suppress.launches(top, workspace, kept) + nms.take(top, kept, rows)),
        )
        self.outputs: Mapping[str, DeviceArray] = {
            "boxes": rows.xyxy,
            "scores": rows.scores,
            "class_ids": rows.class_ids,
            "counts": kept.counts,
        }


def _candidates(gpu: Gpu, images: int, most: int) -> Candidates:
    return Candidates(
        gpu.array((images, most, 4), np.float32),
        gpu.array((images, most), np.float32),
        gpu.array((images, most), np.int64),
    )
