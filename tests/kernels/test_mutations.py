"""Tests of kernels can fail: each of these faults, put into the source, is noticed.

A mutant is a copy of engines/kernels with one text replaced; it must not pass its check with the
threads of a block in one order and in the other. Launches are changed without a copy.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Literal, NamedTuple

import pytest

from streamdet.config.files import shipped
from tests.emulation.build import kernel_library
from tests.emulation.emulated import EmulatedCuda
from tests.kernels.checks import CHECKS
from tests.kernels.mutant import Shrink, passes


class Mutation(NamedTuple):
    """A fault: in the check of `kernel`, the nth `old` (from 0) of `file` becomes `new`."""

    kernel: str
    file: str
    old: str
    new: str
    nth: int = 0

    def __str__(self) -> str:
        """Name the test."""
        return f"{self.file}: {self.old} -> {self.new or 'nothing'} ({self.nth})"


SYNC = "__syncthreads();"
EACH_RUN = [
    Mutation("nms", "nms.cu", SYNC, "", 0),
    Mutation("nms", "nms.cu", "tiles + blockIdx.x]", "tiles + blockIdx.y]"),
    Mutation("draw", "draw.cu", SYNC, "", 0),
]
NIGHTLY = [
    *(Mutation("nms", "nms.cu", SYNC, "", nth) for nth in (1, 2)),
    *(Mutation("nms", "rank.cuh", SYNC, "", nth) for nth in (0, 1, 2)),
    *(Mutation("yolox", "rank.cuh", SYNC, "", nth) for nth in (0, 1, 2)),
    *(Mutation("draw", "draw.cu", SYNC, "", nth) for nth in (1, 2)),
    Mutation("nms", "nms.cu", "place < counts[blockIdx.y]", "place <= counts[blockIdx.y]"),
    Mutation("nms", "nms.cu", "blockIdx.y * most + place", "place"),
    Mutation("nms", "nms.cu", "from * 4 + side", "to * 4 + side"),
    Mutation("nms", "nms.cu", "place <= row ||", ""),
    Mutation("nms", "nms.cu", "place <= row", "place < row"),
    Mutation("nms", "nms.cu", "column_classes[other] != class_id", "false"),
    Mutation("nms", "nms.cu", "kept_before < most; tile", "kept_before < most - 1; tile"),
    Mutation("nms", "nms.cu", "tiles + tile + 1]", "tiles + tile]"),
    Mutation("nms", "rank.cuh", "warp < RANK_WARPS", "warp < RANK_WARPS - 1"),
    Mutation("nms", "nms.cu", "row + thread / NMS_TILE", "row"),
    Mutation("nms", "nms.cu", "indices[place] = 0", "indices[place] = 1"),
    Mutation("nms", "nms.cu", "word = tile + 1 + lane", "word = tile + 2 + lane"),
    Mutation("nms", "nms.cuh", "> iou_thresh", ">= iou_thresh"),
    Mutation("nms", "nms.cuh", "unvisited &= ~drops[box] &", "unvisited &="),
    Mutation("nms", "nms.cuh", "a.x1 > b.x1", "a.x1 < b.x1"),
    Mutation("nms", "rank.cuh", "index < other_index", "index > other_index"),
    Mutation("nms", "rank.cuh", "tile[other] > low", "tile[other] >= low"),
    Mutation("roi_align_fpn", "roi_align_fpn.cuh", "xyxy[2] - xyxy[0]", "xyxy[3] - xyxy[1]"),
    Mutation(
        "roi_align_fpn", "roi_align_fpn.cuh",
        "bin / op.output_side, level.height",
        "bin % op.output_side, level.height",
    ),
    Mutation(
        "roi_align_fpn", "roi_align_fpn.cuh",
        "y.low_share * x.high_share",
        "y.high_share * x.low_share",
    ),
    Mutation("roi_align_fpn", "roi_align_fpn.cuh", "position >= -1.0f", "position >= 0.0f"),
    Mutation("roi_align_fpn", "roi_align_fpn.cuh", "fmaxf(high - low, 1.0f)", "high - low"),
    Mutation("roi_align_fpn", "roi_align_fpn.cuh", "(float)sample + 0.5f", "(float)sample"),
    Mutation("roi_align_fpn", "roi_align_fpn.cuh", "/ 224.0f", "/ 256.0f"),
    Mutation("roi_align_fpn", "roi_align_fpn.cuh", "roi[0] < (float)op.images", "true"),
    Mutation("roi_align_fpn", "roi_align_fpn.cuh", "- 0.5f) + 2.0f", "- 0.5f) - 1.0f"),
    Mutation(
        "roi_align_fpn", "roi_align_fpn.cu",
        "place / bins * ROI_ALIGN_CHANNELS",
        "place / bins",
    ),
    Mutation("roi_pool", "roi_pool.cuh", "+ 1 - first", "- first"),
    Mutation("roi_pool", "roi_pool.cuh", "ceilf", "floorf"),
    Mutation("roi_pool", "roi_pool.cuh", "roundf", "rintf"),
    Mutation("roi_pool", "roi_pool.cuh", "if (value != value) return value;", ""),
    Mutation("roi_pool", "roi_pool.cuh", "&& roi[corner] == roi[corner]", ""),
    Mutation(
        "roi_pool", "roi_pool.cu",
        "bin / op.output_width, bin % op.output_width",
        "bin % op.output_width, bin / op.output_width",
    ),
    Mutation("prepare", "prepare.cuh", "pixel.value[2 - channel]", "pixel.value[channel]"),
    Mutation("prepare", "prepare.cuh", "y * placement.out_width + x) * 3", "y + x) * 3"),
    Mutation("prepare", "prepare.cuh", "high >> 4", "high >> 3"),
    Mutation("prepare", "prepare.cuh", "is_column && ", ""),
    Mutation("prepare", "prepare.cuh", "y - placement.top", "y - placement.left"),
    Mutation("prepare", "prepare.cuh", "(v * matrix.green_from_v", "(u * matrix.green_from_v"),
    Mutation("prepare", "prepare.cuh", "x / 2) * 2", "x / 2)"),
    Mutation("yolox", "yolox.cuh", "score > best ||", "score >= best ||"),
    Mutation("yolox", "yolox.cuh", "&& is_wanted[class_id]", ""),
    Mutation(
        "yolox", "yolox.cuh",
        "cell % columns), (float)(cell / columns)",
        "cell / columns), (float)(cell % columns)",
    ),
    Mutation("yolox", "yolox.cu", "is_finite ? score : -1.0f", "score"),
    Mutation("yolox", "yolox.cu", "rank.candidates + thread", "rank.candidates + thread + 1"),
    Mutation("nv12", "nv12.cu", "row = y + pixel / 2", "row = y + pixel % 2"),
    Mutation("nv12", "nv12.cu", "pixel > 0", "pixel < 3"),
    Mutation("nv12", "nv12.cu", "nearest_inside(column, width)", "column"),
    Mutation("nv12", "nv12.cuh", "+ YUV_HALF + (16", "+ (16"),
    Mutation("draw", "draw.cuh", "mask + width * height", "mask"),
    Mutation("draw", "draw.cuh", "+ 127) / 255", ") / 128"),
    Mutation("draw", "draw.cu", "first + word * 32", "word * 32"),
    Mutation("draw", "draw.cu", "y + pixel / 2, values", "y + pixel % 2, values"),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _can_be_built(emulated_cuda: EmulatedCuda) -> None:
    """Skips where the emulated driver cannot be built."""


@pytest.mark.parametrize("kernel", CHECKS)
def test_the_source_as_it_is_passes(kernel: str) -> None:
    assert passes(kernel)


@pytest.mark.parametrize(
    "mutation",
    [*EACH_RUN, *(pytest.param(each, marks=pytest.mark.nightly) for each in NIGHTLY)],
    ids=str,
)
def test_a_fault_in_the_source_is_noticed(tmp_path: Path, mutation: Mutation) -> None:
    folder = tmp_path / "kernels"
    shutil.copytree(shipped("engines/kernels"), folder)
    parts = (folder / mutation.file).read_text().split(mutation.old)
    assert len(parts) > mutation.nth + 1, "there is no such text"
    before, behind = parts[: mutation.nth + 1], parts[mutation.nth + 1 :]
    text = mutation.old.join(before) + mutation.new + mutation.old.join(behind)
    (folder / mutation.file).write_text(text)
    kernel_library(folder / f"{mutation.kernel}.cu")  # it must compile: else nothing is noticed
    assert not passes(mutation.kernel, folder)


LAUNCHED = [
    ("nms", "nms_order"), ("nms", "nms_overlaps"), ("nms", "nms_keep"), ("nms", "nms_take"),
    ("roi_align_fpn", "roi_align_fpn_f32"), ("roi_pool", "roi_pool_f32"),
    ("prepare", "prepare_bgr_f32"), ("prepare", "prepare_nv12_f32"), ("prepare", "resize_bgr"),
    ("yolox", "yolox_cells_f32"), ("yolox", "yolox_top_f32"), ("draw", "draw_nv12"),
    ("nv12", "bgr_to_nv12"),
]  # fmt: skip


@pytest.mark.parametrize(("kernel", "launched"), LAUNCHED)
@pytest.mark.parametrize("part", ["grid", "block"])
def test_a_launch_that_is_too_small_is_noticed(
    kernel: str, launched: str, part: Literal["grid", "block"]
) -> None:
    assert not passes(kernel, shrink=Shrink(launched, part))
