"""What a run says to programs and to the service manager."""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streamdet.cli import main
from streamdet.commands.run_log import JsonLog
from streamdet.commands.service_view import ServiceView, status_of
from streamdet.run.report import CameraReport, Snapshot
from tests.commands.test_views import REPORT, SOURCE

LIVE = replace(SOURCE, source_id="door", camera=CameraReport("live", "", 1))
LOST = replace(SOURCE, source_id="yard", camera=CameraReport("lost", "nobody answers", 1))


def snapshot(*sources: Any) -> Snapshot:
    return Snapshot(sources, None, 1.0)


def test_each_thing_is_an_object_on_a_line(tmp_path: Path) -> None:
    stream = io.StringIO()
    log = JsonLog(stream)
    log.camera("yard", CameraReport("lost", "nobody\nanswers", 1))
    log.note("detect: sees images at 288x512")
    log.warn("careful")
    failed = replace(SOURCE, error="cam: broken")
    log.end(replace(REPORT, sources=(failed,)), [tmp_path / "none"], [])
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["level"], line["event"]) for line in lines] == [
        ("warning", "camera"),
        ("info", "note"),
        ("warning", "warning"),
        ("error", "error"),
        ("info", "report"),
    ]
    assert (lines[0]["source_id"], lines[0]["state"]) == ("yard", "lost")
    assert lines[3]["message"] == "cam: broken"
    assert (lines[4]["report"]["graph"], lines[4]["kept"]) == ("people", [])
    assert all(line["time"].endswith("Z") for line in lines)


def test_the_service_manager_is_told_of_changes_alone() -> None:
    told: list[tuple[str, ...]] = []
    view = ServiceView(lambda *lines: told.append(lines))
    for sources in [(LIVE,), (LIVE,), (LIVE, LOST)]:
        view.show(snapshot(*sources))
    view.end()
    assert told == [
        ("READY=1", "STATUS=1 of 1 cameras live"),
        ("STATUS=1 of 2 cameras live; yard: lost (nobody answers)",),
        ("STOPPING=1", "STATUS=ended"),
    ]
    assert status_of(snapshot(SOURCE)) == "running"


@pytest.fixture
def manager(short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A service manager's socket, which the environment names."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(short_folder / "notify"))
        bound.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(short_folder / "notify"))
        yield bound


def test_a_run_speaks_json_and_says_when_it_is_ready(
    manager: socket.socket, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    source = "synthetic:street?frames=3"
    outputs = ["--output", str(tmp_path / "f.jsonl")]
    assert main(["run", "people", "--log", "json", "--source", source, *outputs]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[-1]["event"] == "report"
    assert lines[-1]["report"]["outcome"] == "done"
    assert lines[-1]["written"] == [str(tmp_path / "f.jsonl")]
    assert manager.recv(1000) == b"READY=1\nSTATUS=running"
    assert manager.recv(1000) == b"STOPPING=1\nSTATUS=ended"
