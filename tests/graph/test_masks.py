"""Sinks of masks are refused where none come."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.graph.graphs import PEOPLE, faults, load_text, people

MASKS = "kind: detector, reads: prepare, model: mask_rcnn"


def test_a_model_with_masks_behind_a_tracker_may_write_them(tmp_path: Path) -> None:
    graph = load_text(people(detect=MASKS), tmp_path, outputs=["o.mots.txt", "o.coco.json"])
    assert [graph.nodes[f"output-{n}"].kind for n in (1, 2)] == ["mots", "coco"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (PEOPLE, "reads must lead to a model with masks, such as mask_rcnn, not only 'hog_people'"),
        (people(detect=MASKS, track="", publish="kind: redis_stream, reads: detect"),
         "reads must lead to a tracker"),
        (people(detect="kind: detector, reads: prepare, model: keypointrcnn_resnet50_fpn"),
         "not only 'keypointrcnn_resnet50_fpn'"),
    ],
)  # fmt: skip
def test_where_no_tracked_mask_comes_the_output_is_refused(
    text: str, sentence: str, tmp_path: Path
) -> None:
    [line] = faults(text, tmp_path, outputs=["o.mots.txt"])
    assert line.startswith("--output o.mots.txt: output-1.")
    assert sentence in line
