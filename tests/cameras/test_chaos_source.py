"""A run over a camera that misbehaves by a script accounts for every frame."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.faults.place import Place
from tests.faults.storm import assert_each_once_in_order, lines_of, output_of, streamdet

SOURCE = "chaos:street?seed=1&hw=240x320&fps=10"


@pytest.mark.nightly
def test_every_frame_of_a_misbehaving_camera_is_accounted_for(tmp_path: Path) -> None:
    place, lines, report = Place(), tmp_path / "o.jsonl", tmp_path / "r.json"
    arguments = ["run", "people", "--set", "detect.model=hog_people", "--source", SOURCE]
    arguments += ["--output", str(lines), "--report", str(report)]
    with streamdet(*arguments, env=place.env) as process:
        time.sleep(40)  # about fifteen faults
        process.send_signal(signal.SIGINT)
        text = output_of(process, 20)
    (source,) = camera_reports(report)
    assert source["emitted"] > 100
    assert source["emitted"] == source["published"] + sum(source["dropped"].values())
    assert_each_once_in_order(lines_of(lines), {"chaos-street": source["emitted"]})
    for said in ("the stream ended", "nobody is there", "its images are 120x160 now"):
        assert said in text
    place.assert_clean()
    place.remove()


def camera_reports(report: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(report.read_text())["sources"]
    return found
