"""The comparison of trackers."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from streamdet import registry
from streamdet.bench import trackers
from streamdet.errors import ConfigError


class Library:
    """A tracker like the library's: gives every box id 5, or none, in turn."""

    def __init__(self) -> None:
        self.frame = 0

    def update(self, found: SimpleNamespace) -> Library:
        self.frame += 1
        self.xyxy, self.confidence, self.class_id = found.xyxy, found.confidence, found.class_id
        self.tracker_id = np.full(len(self.xyxy), 5 if self.frame % 2 else -1)
        return self

    def __len__(self) -> int:
        return len(self.xyxy)


def sequence(folder: Path) -> None:
    (folder / "a").mkdir()
    for name in ("det.txt", "gt.txt"):
        (folder / "a" / name).write_text("2,1,10,10,40,80,1\n3,1,10,10,40,80,1\n")


def test_the_library_is_measured_beside_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("SORTTracker", "ByteTrackTracker", "OCSORTTracker", "BoTSORTTracker")
    monkeypatch.setitem(sys.modules, "trackers", SimpleNamespace(**dict.fromkeys(names, Library)))
    monkeypatch.setitem(sys.modules, "supervision", SimpleNamespace(Detections=SimpleNamespace))
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0")
    sequence(tmp_path)
    report = trackers.run(tmp_path)
    assert report["library"] == "trackers 0"
    assert report["sort"]["ratio"]["mota"] == report["sort"]["ours"]["mota"] / 0.5


def test_every_tracker_is_measured_without_the_library_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    sequence(tmp_path)
    report = trackers.run(tmp_path)
    assert report.pop("library") == "absent: pip install trackers"
    assert sorted(report) == sorted(registry.KINDS["tracker"])
    for metrics in report.values():
        assert metrics["ours"]["updates_per_s"] > 0
        assert metrics["library"] is metrics["ratio"] is None


def test_sequences_are_chosen_and_their_tracks_made_better(tmp_path: Path) -> None:
    sequence(tmp_path)
    gap = "".join(f"{frame},1,10,10,40,80,1\n" for frame in range(1, 9) if frame != 5)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "det.txt").write_text(gap)
    (tmp_path / "b" / "gt.txt").write_text(gap + "5,1,10,10,40,80,1\n")
    result = trackers.run(tmp_path, ["b"])["bot_sort"]
    assert result["ours"]["mota"] == 7 / 8
    assert result["offline"] == {"mota": 1.0, "idf1": 1.0, "switches": 0}
    with pytest.raises(ConfigError, match="found none"):
        trackers.run(tmp_path, ["c"])


def test_a_folder_without_sequences_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="found none"):
        trackers.run(tmp_path)
