"""Copies, accuracy, trackers: what the metrics are made of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamdet.bench import accuracy, copies, tracker_metrics, trackers
from streamdet.bench.material import Material
from streamdet.detections import Detections
from streamdet.image import Pixels


@pytest.mark.data
def test_without_a_video_sink_no_frame_is_copied(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "FRAMES", 2)
    details = copies.run(Material(data)).details
    assert details["no video sink"] == {"converted": 2}
    assert details["video sink"] == {
        "converted": 2, "copied into a slot": 2, "read by the sink": 2,
        "converted to YUV by the sink": 2,
    }  # fmt: skip


@pytest.mark.data
def test_lost_accuracy_is_that_of_the_default_precision(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aps = iter([0.271, 0.275])

    def coco_ap(
        folder: Path, detect: Callable[[Pixels], Detections], names: tuple[str, ...]
    ) -> float:
        assert len(detect(np.zeros((90, 120, 3), np.uint8))) == 0
        assert names[0] == "person"
        return next(aps)

    monkeypatch.setenv("STREAMDET_MODELS", "")
    monkeypatch.setattr(accuracy, "coco_ap", coco_ap)
    lost, configured, fp32 = accuracy.run(Material(data)).metrics
    assert lost.value == pytest.approx(0.004)
    assert lost.is_reached
    assert "fp32" in fp32.what and "as configured" in configured.what


def report(ratio: dict[str, float] | None) -> dict[str, Any]:
    ours = {"mota": 0.4, "idf1": 0.5, "updates_per_s": 9000.0}
    kinds = {kind: {"ours": ours, "ratio": ratio} for kind in ("sort", "byte_track", "oc_sort")}
    return {"library": "trackers 2", **kinds}


def test_trackers_are_held_against_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    ratio = {"mota": 1.1, "idf1": 0.9, "updates_per_s": 3.0}
    monkeypatch.setattr(trackers, "run", lambda folder: report(ratio))
    outcome = tracker_metrics.run(Material(Path("/nowhere")))
    missed = [metric.what for metric in outcome.metrics if metric.is_reached is False]
    assert missed == [
        "sort IDF1 / the library's",
        "byte_track IDF1 / the library's",
        "oc_sort IDF1 / the library's",
        "the fastest, updates",
    ]


def test_without_the_library_trackers_are_shown_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trackers, "run", lambda folder: report(None))
    assert len(tracker_metrics.run(Material(Path("/nowhere"))).metrics) == 10
