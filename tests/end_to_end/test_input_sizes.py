"""Sources of two resolutions in one detector: each is seen at its size, as in a run of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from streamdet.cli import main

SCENES = ("synthetic:street?hw=480x640&frames=3", "synthetic:street?hw=1080x1920&frames=3")
FP32 = ("--set", "detect.runtime=onnxruntime", "--set", "detect.replicas=1")


def seen(folder: Path, *scenes: str) -> dict[tuple[int, int], Any]:
    """Frame height and number -> its objects."""
    output = folder / f"{len(list(folder.iterdir()))}.jsonl"
    sources = [word for scene in scenes for word in ("--source", scene)]
    assert main(["run", "people", *sources, "--output", str(output), *FP32]) == 0
    lines = map(json.loads, output.read_text().splitlines())
    return {(line["height"], line["frame_id"]): line["objects"] for line in lines}


def test_mixed_sources_are_seen_as_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    together = seen(tmp_path, *SCENES)
    assert "detect: input 352x416 for 480x640; 544x960 for 1080x1920 (" in capsys.readouterr().out
    alone = [seen(tmp_path, scene) for scene in SCENES]
    assert together == {**alone[0], **alone[1]}
    assert len(together) == 6
    assert any(together.values())
