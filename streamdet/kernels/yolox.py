"""Launches engines/kernels/yolox.cu: what a YOLOX network gives -> candidates for `Nms`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from streamdet.kernels.launch import (
    RANKED,
    THREADS,
    DeviceArray,
    Launch,
    address,
    blocks,
    check_array,
)
from streamdet.kernels.nms import Candidates

_SUFFIXES: Final = {np.dtype(np.float32): "f32", np.dtype(np.float16): "f16"}
_STRIDES: Final = (8, 16, 32)


@dataclass(frozen=True, slots=True)
class YoloxTop:
    """Which cells become candidates; see detectors/yolox.py.

    Attributes:
        input_hw: of the network's image, pixels.
        score_thresh: a candidate's score is not below it; at least 0.
        are_deltas: whether boxes are counted from their cells; else centre and size in pixels.
    """

    input_hw: tuple[int, int]
    score_thresh: float
    are_deltas: bool = True

    def launches(
        self, output: DeviceArray, is_wanted: DeviceArray, workspace: int, top: Candidates
    ) -> list[Launch]:
        """Say how the best cells of each image are decoded.

        Args:
            output: (B, N, 5 + C) float32 or float16.
            is_wanted: (C,) uint8, 1 for a class that is kept.
            workspace: address of `workspace_bytes` bytes, a multiple of 4.
            top: (B, K) candidates by falling score, ties by cell, written whole. A row without one,
                and one whose box is not finite, has score -1, which `Nms` never keeps.

        Returns:
            None where there is no image.

        Raises:
            ValueError: an array has another shape or dtype.
        """
        images, cells, classes = self._checked(output, is_wanted, top)
        if not images:
            return []
        suffix = _SUFFIXES[output.dtype]
        cell_scores, cell_classes = np.uint64(workspace), np.uint64(workspace + images * cells * 4)
        numbers = (address(output), np.int32(cells), np.int32(classes))
        most = top.scores.shape[1]
        places = (*self.input_hw, int(self.are_deltas), most)
        outputs = (address(top.xyxy), address(top.scores), address(top.class_ids))
        score_cells: tuple[np.generic, ...] = (
            *numbers, address(is_wanted), np.float32(self.score_thresh), cell_scores, cell_classes
        )  # fmt: skip
        take_top: tuple[np.generic, ...] = (
            *numbers, *(np.int32(place) for place in places), cell_scores, cell_classes, *outputs
        )  # fmt: skip
        return [
            Launch(
                f"yolox_cells_{suffix}", (blocks(cells), images, 1), (THREADS, 1, 1), score_cells
            ),
            Launch(
                f"yolox_top_{suffix}", (blocks(cells, RANKED), images, 1), (THREADS, 1, 1), take_top
            ),
        ]

    def _checked(
        self, output: DeviceArray, is_wanted: DeviceArray, top: Candidates
    ) -> tuple[int, int, int]:
        """Check shapes and dtypes: returns the numbers of images, cells and classes."""
        if output.dtype not in _SUFFIXES:
            raise ValueError(f"output must be float32 or float16, got {output.dtype}")
        height, width = self.input_hw
        cells = sum(blocks(height, stride) * blocks(width, stride) for stride in _STRIDES)
        classes = is_wanted.shape[0]
        check_array("is_wanted", is_wanted, np.uint8, classes)
        check_array("output", output, output.dtype, None, cells, 5 + classes)
        images, most = (*top.scores.shape, 0, 0)[:2]
        check_array("scores", top.scores, np.float32, output.shape[0], most)
        check_array("xyxy", top.xyxy, np.float32, images, most, 4)
        check_array("class_ids", top.class_ids, np.int64, images, most)
        return images, cells, classes


def workspace_bytes(images: int, cells: int) -> int:
    """How much device memory `YoloxTop.launches` needs beside its arrays.

    Args:
        images: B.
        cells: N.
    """
    return images * cells * 8
