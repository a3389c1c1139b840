"""Copies, accuracy, trackers: what the metrics are made of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from streamdet.bench import accuracy, copies, tracker_metrics
from streamdet.bench.material import Material
from streamdet.registry import KINDS


@pytest.mark.data
def test_without_a_video_sink_no_frame_is_copied(data: Path) -> None:
    details = copies.run(Material(data), frames=2).details
    assert details["no video sink"] == {"converted": 2}
    assert details["video sink"] == {
        "converted": 2, "copied into a slot": 2, "read by the sink": 2,
        "converted to YUV by the sink": 2,
    }  # fmt: skip


def test_lost_accuracy_is_that_of_the_default_precision() -> None:
    aps = {"as configured": 0.271, "fp32": 0.275}
    lost, configured, fp32 = accuracy.compare(aps, dict.fromkeys(aps, "openvino")).metrics
    assert lost.value == pytest.approx(0.004)
    assert lost.is_reached
    assert configured.what == "AP as configured (openvino)"
    assert fp32.value == 0.275


@pytest.mark.data
def test_accuracy_is_measured_both_ways(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAMDET_MODELS", "")
    whole = json.loads((data / "datasets" / "coco-mini" / "val.json").read_text())
    whole["images"] = whole["images"][:1]
    name, number = whole["images"][0]["file_name"], whole["images"][0]["id"]
    whole["annotations"] = [one for one in whole["annotations"] if one["image_id"] == number]
    folder = tmp_path / "datasets" / "coco-mini"
    (folder / "images").mkdir(parents=True)
    (folder / "val.json").write_text(json.dumps(whole))
    [image] = (data / "datasets" / "coco-mini" / "images").rglob(name)
    (folder / "images" / name).symlink_to(image)
    (tmp_path / "weights").symlink_to(data / "weights")
    aps = accuracy.run(Material(tmp_path)).details["ap"]
    assert [*aps] == ["as configured", "fp32"]
    assert min(aps.values()) > 0.1


def report(ratio: dict[str, float] | None) -> dict[str, Any]:
    ours = {"mota": 0.4, "idf1": 0.5, "switches": 9, "updates_per_s": 9000.0}
    offline = {"mota": 0.5, "idf1": 0.6, "switches": 5}
    kinds = {kind: {"ours": ours, "ratio": ratio, "offline": offline} for kind in KINDS["tracker"]}
    return {"library": "trackers 2", **kinds}


def test_trackers_are_held_against_the_library() -> None:
    ratio = {"mota": 1.1, "idf1": 0.9, "updates_per_s": 3.0}
    outcome = tracker_metrics.compare(report(ratio))
    missed = [metric.what for metric in outcome.metrics if metric.is_reached is False]
    assert missed == [
        "sort IDF1 / the library's",
        "byte_track IDF1 / the library's",
        "oc_sort IDF1 / the library's",
        "bot_sort IDF1 / the library's",
        "the fastest, updates",
    ]


def test_without_the_library_trackers_are_shown_alone() -> None:
    assert len(tracker_metrics.compare(report(None)).metrics) == 4 * (4 + 3) + 1
