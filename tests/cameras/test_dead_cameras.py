"""A camera that does not answer or says no, and an address that is none: a sentence each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from streamdet.cli import main
from streamdet.commands.camera_view import FirstFrameView
from streamdet.run.report import CameraReport, Snapshot
from tests.cameras.live_run import LiveRun
from tests.cameras.rtsp_server import Mount, RtspServer
from tests.commands.test_views import SOURCE

DEAD = "rtsp://127.0.0.1:9/none"
NOBODY = "nothing answers at that address and port"
REFUSED = "the camera asks for another user name or password (401)"


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("rtps://h/x", "rtps:// is not a kind of address; did you mean rtsps://?"),
        ("rstp://h/x", "rstp:// is not a kind of address; did you mean rtsp://?"),
        ("rtsp:/h/x", "wanted rtsp:// with a colon and two slashes"),
        ("http//h/x", "wanted http:// with a colon and two slashes"),
    ],
)
def test_a_wrong_address_is_one_line(
    command: str, address: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "people", "--source", address]) == 2
    line, *more = capsys.readouterr().err.splitlines()
    assert line == f"error: --source {address} is not a source: {sentence}"
    wanted = {"check": ["error: fix these, then check again: more may follow"], "run": []}
    assert more == wanted[command]


def test_check_tries_each_camera(
    start_rtsp_server: Callable[..., RtspServer], capsys: pytest.CaptureFixture[str]
) -> None:
    server = start_rtsp_server([Mount("/locked", user="u", password="pw"), Mount("/open")])
    addresses = [DEAD, server.url("/locked", "u", "wrong"), server.url("/open")]
    sources = [word for address in addresses for word in ("--source", address)]
    assert main(["check", "people", *sources]) == 0
    assert capsys.readouterr().err.splitlines() == [
        f"warning: 127.0.0.1-9_none: {NOBODY}; a run would try again and again",
        f"warning: 127.0.0.1-{server.port}_locked: {REFUSED}; a run would try again and again",
    ]


def test_a_run_without_any_frame_goes_on_and_says_so_once(
    start_rtsp_server: Callable[..., RtspServer], tmp_path: Path
) -> None:
    server = start_rtsp_server([Mount("/locked", user="u", password="pw")])
    run = LiveRun(tmp_path, [DEAD, server.url("/locked", "u", "wrong")])
    try:
        run.wait_for_line(f"127.0.0.1-9_none: lost ({NOBODY})")
        run.wait_for_line(f"_locked: refused ({REFUSED})")
        run.wait_for_line("warning: none of 2 cameras has sent a frame within 10 s")
        run.stop()
    finally:
        run.kill()
    assert run.log.count("sent a frame within") == 1


@pytest.mark.parametrize(
    ("decoded", "elapsed_s", "times"), [(0, 9.9, 0), (0, 10.0, 1), (1, 60.0, 0)]
)
def test_it_is_said_after_ten_seconds_without_a_frame(
    decoded: int, elapsed_s: float, times: int
) -> None:
    said: list[str] = []
    view = FirstFrameView(said.append)
    lost = replace(SOURCE, decoded=decoded, camera=CameraReport("lost", NOBODY, 1))
    for _ in range(2):
        view.show(Snapshot((lost, replace(SOURCE, camera=None)), None, elapsed_s))
    assert len(said) == times
