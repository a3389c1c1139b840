"""The comparison of trackers."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamdet import registry
from streamdet.bench import trackers
from streamdet.errors import ConfigError


def test_every_tracker_is_measured_without_the_library_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trackers, "_library_version", lambda: None)
    (tmp_path / "a").mkdir()
    for name in ("det.txt", "gt.txt"):
        (tmp_path / "a" / name).write_text("1,1,10,10,40,80,1\n2,1,10,10,40,80,1\n")
    report = trackers.run(tmp_path)
    assert report.pop("library") == "absent: pip install trackers"
    assert sorted(report) == sorted(registry.KINDS["tracker"])
    for figures in report.values():
        assert figures["ours"]["mota"] == 1.0
        assert figures["ours"]["updates_per_s"] > 0
        assert figures["library"] is figures["ratio"] is None


def test_a_folder_without_sequences_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="found none"):
        trackers.run(tmp_path)
