"""Cameras and the graph of a run are changed while it goes on; every frame stays accounted for."""

from __future__ import annotations

import json
import os
import pty
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

import av
import pytest

from streamdet.errors import ConfigError, StreamdetError
from tests.cameras.changing_run import ChangingRun
from tests.commands.constant_model import write_constant_model
from tests.redis_server import RedisServer

Start = Callable[..., ChangingRun]


@pytest.fixture
def start(tmp_path: Path, short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts runs that other tests do not see, and that end with the test."""
    monkeypatch.setenv("TMPDIR", str(short_folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    runs: list[ChangingRun] = []

    def start_run(*more: str, **options: Any) -> ChangingRun:
        runs.append(ChangingRun(tmp_path, short_folder, *more, **options))
        return runs[-1]

    yield start_run
    for run in runs:
        run.kill()


def ids(run: ChangingRun, name: str) -> list[int | None]:
    """The track ids of a camera's objects, frame by frame, without repetitions in a row."""
    found = [thing["id"] for frame in run.results(name) for thing in frame["objects"]]
    return [one for place, one in enumerate(found) if place == 0 or found[place - 1] != one]


def test_a_camera_comes_goes_and_comes_again_and_the_others_notice_nothing(start: Start) -> None:
    run = start()
    before = run.workers()
    run.control.add("yard", {"uri": run.address, "every": 5})
    run.wait_for_frames("yard", 3)
    run.wait_for_frames("door", 3)
    removed = run.control.remove("yard")
    assert (removed.state, removed.in_flight) == ("removed", 0)
    assert removed.emitted == removed.published + sum(removed.dropped.values())
    count = len(run.frames("yard"))
    assert count == removed.emitted
    assert "front.yard" not in run.workers()
    run.control.add("yard", {"uri": run.address})
    run.wait_for_frames("yard", 3)
    assert {name: pid for name, pid in run.workers().items() if name != "front.yard"} == before
    assert run.frames("yard")[count]["frame_id"] == count
    os.kill(run.workers()["front.yard"], signal.SIGKILL)
    run.wait_for_frames("yard", 3)
    run.stop()
    run.check_accounts(["door", "yard"])
    assert run.report["door"]["added_s"] is None
    assert run.report["yard"]["added_s"] > 0
    assert run.log.count("yard: added") == 2
    assert "yard: removed (by `streamdet camera remove`)" in run.log


def test_a_run_without_cameras_waits_for_one(start: Start) -> None:
    run = start()
    run.control.remove("door")
    time.sleep(1)
    assert run.process.poll() is None
    run.control.add("yard", {"uri": run.address})
    run.wait_for_frames("yard", 2)
    run.stop()
    run.check_accounts(["door", "yard"])
    assert run.report["door"]["camera"]["state"] == "removed"


def test_a_camera_may_go_the_moment_that_it_has_come(start: Start) -> None:
    run = start()
    run.control.add("yard", {"uri": run.address})
    run.control.pause("yard")
    run.control.remove("yard")
    run.control.add("yard", {"uri": run.address})
    run.control.remove("yard")
    run.wait_for_frames("door", 3)
    run.stop()
    run.check_accounts(["door", "yard"])


def test_a_paused_camera_says_why_and_goes_on_with_its_tracks(start: Start) -> None:
    run = start()
    worker = run.workers()["front.door"]
    said = run.say("camera", "pause", "door", "--reason", "the painters are here")
    assert said == "door: paused (the painters are here)\n"
    assert "door: paused (the painters are here)" in run.log
    assert "paused (the painters are here)" in run.say("status")
    count = len(run.frames("door"))
    time.sleep(1)
    assert len(run.frames("door")) == count
    os.kill(worker, signal.SIGKILL)
    run.wait_for("another worker", lambda: run.workers().get("front.door", worker) != worker)
    run.wait_for("paused again", lambda: run.states()["door"][0] == "paused")
    assert run.say("camera", "resume", "door") == "door: live\n"
    run.wait_for_frames("door", 3)
    run.stop()
    run.check_accounts(["door"])
    assert ids(run, "door") == [1]


def test_what_is_refused_changes_nothing(start: Start) -> None:
    run = start()
    add, address = run.control.add, run.address
    cases: dict[str, Callable[[], object]] = {
        "there is no camera 'dor' in this run; there are door": lambda: run.control.remove("dor"),
        "there is a source 'door' in this run already": lambda: add("door", {"uri": address}),
        "camera 'door' is not paused": lambda: run.control.resume("door"),
        "did you mean rtsps://?": lambda: add("yard", {"uri": "rtps://u:pw@h/x"}),
        "variable NO_SUCH_PASSWORD is not set": lambda: add(
            "yard", {"uri": "rtsp://u:${NO_SUCH_PASSWORD}@h/x"}
        ),
        "did you mean 'fps'?": lambda: add("yard", {"uri": address, "fsp": 2}),
        "must be named by at most 64 letters": lambda: add("a b", {"uri": address}),
        "no node 'prepare' of cameras: this run has camera": lambda: add(
            "yard", {"uri": address}, "prepare"
        ),
        "publish.process has changed from back to publish, which a running graph cannot do: stop"
        " the run and start it again": lambda: run.control.plan(
            run.rewrite("process: back, stream", "stream")
        ),
        "g.yaml:10: prepare.reads must name a node": lambda: run.control.apply(
            run.rewrite("reads: camera", "reads: camra")
        ),
    }
    for sentence, refused in cases.items():
        with pytest.raises(ConfigError) as caught:
            refused()
        assert sentence in str(caught.value)
    assert run.states() == {"door": ("live", "")}
    run.stop()
    run.check_accounts(["door"])


def test_a_changed_graph_restarts_only_what_changed_and_tracks_live_on(start: Start) -> None:
    run = start()
    run.control.add("yard", {"uri": run.address})
    run.wait_for_frames("yard", 2)
    before = run.workers()
    path = run.rewrite("model:", "score_thresh: 0.95, model:")  # the person is at 0.9
    plan = run.control.apply(path)
    said = {step.name: (step.action, step.reason) for step in plan.steps}
    assert said == {
        "door": ("kept", ""),
        "yard": ("removed", "it is not in the graph"),
        "detect": ("restarted", "detect.score_thresh: not stated -> 0.95"),
        "back": ("restarted", "track.untracked_thresh: 0.5 -> 0.95"),
    }
    run.wait_for("an empty frame", lambda: run.results("door")[-1]["objects"] == [])
    run.wait_for_frames("door", 8)
    run.rewrite("score_thresh: 0.95, model:", "model:")
    run.control.apply()
    run.wait_for("the person again", lambda: run.results("door")[-1]["objects"] != [])
    run.rewrite("max_age: 2", "max_age: 4")
    run.control.apply(expected=run.control.plan())
    run.wait_for_frames("door", 3)
    after = run.workers()
    assert before["front.door"] == after["front.door"]
    assert before["back-0"] != after["back-0"]
    assert run.control.apply().changes_nothing
    run.stop()
    run.check_accounts(["door", "yard"])
    # A tracker that had been started anew would number from 1 again.
    assert [one for one in ids(run, "door") if one is not None] == [1, 2]
    assert json.loads((run.folder / "report.json").read_text())["restarts"] == 0


def test_a_process_that_cannot_start_with_its_new_options_goes_on_with_the_old(
    start: Start, tmp_path: Path
) -> None:
    run = start()
    (tmp_path / "other").mkdir()
    broken = write_constant_model(tmp_path / "other", score=0.8)
    network = tmp_path / "other" / "constant.onnx"
    content = network.read_bytes()
    network.write_bytes(content.replace(b"Identity", b"Idontity"))
    path = run.rewrite(str(tmp_path / "constant.yaml"), broken)
    with pytest.raises(ConfigError, match="not applied, and all is as it was: "):
        run.control.apply(path)
    run.wait_for_frames("door", 3)
    network.write_bytes(content)
    run.control.apply(path)
    run.wait_for("the other model", lambda: 0.8 in scores(run))
    run.stop()
    run.check_accounts(["door"])


def scores(run: ChangingRun) -> set[float]:
    """The scores of what was found last."""
    return {round(thing["confidence"], 3) for thing in run.results("door")[-1]["objects"]}


@pytest.mark.nightly
def test_a_run_that_ends_leaves_nobody_waiting(start: Start) -> None:
    run = start()
    control = run.control
    run.process.send_signal(signal.SIGINT)
    with pytest.raises(StreamdetError) as caught:
        while True:
            control.cameras()
    assert any(word in str(caught.value) for word in ("has ended", "does not answer"))
    assert run.process.wait(20) == 130


def test_sighup_applies_the_run_s_own_file(start: Start) -> None:
    run = start()
    run.rewrite("every: 3", "every: 6")
    run.process.send_signal(signal.SIGHUP)
    run.wait_for_line("applied its graph file again: kept 2; restarted door")
    run.rewrite("reads: camera", "reads: camra")
    run.process.send_signal(signal.SIGHUP)
    run.wait_for_line("the graph was not applied: ")
    run.wait_for_frames("door", 3)
    assert "g.yaml:10: prepare.reads must name a node" in run.log
    run.stop()
    run.check_accounts(["door"])


def test_a_run_whose_terminal_is_closed_ends(start: Start) -> None:
    ours, theirs = pty.openpty()
    run = start(terminal=theirs)
    os.close(theirs)
    os.close(ours)
    assert run.process.wait(20) == 130
    run.check_accounts(["door"])


def test_outputs_that_want_all_cameras_from_the_start_let_none_come(
    start: Start, tmp_path: Path
) -> None:
    run = start("--output", str(tmp_path / "rows.parquet"))
    for refused in (
        lambda: run.control.add("yard", {"uri": run.address}),
        lambda: run.control.remove("door"),
    ):
        with pytest.raises(ConfigError, match="ends its file when its cameras have ended"):
            refused()
    run.stop()
    run.check_accounts(["door"])


def test_an_added_camera_gets_files_of_its_own(start: Start, tmp_path: Path) -> None:
    run = start("--output", str(tmp_path / "boxes.mp4"))
    (tmp_path / "boxes-hall.mp4").mkdir()
    with pytest.raises(ConfigError, match=r"boxes-hall\.mp4: "):
        run.control.add("hall", {"uri": run.address})
    run.control.add("yard", {"uri": run.address})
    run.wait_for_frames("yard", 3)
    run.stop()
    run.check_accounts(["door", "yard"])
    for name, file in (("door", "boxes.mp4"), ("yard", "boxes-yard.mp4")):
        with av.open(str(tmp_path / file)) as container:
            assert len(list(container.decode(video=0))) == len(run.frames(name))
        assert f" {tmp_path / file}\n" in run.log


@pytest.mark.parametrize("rounds", [2, pytest.param(30, marks=pytest.mark.nightly)])
def test_cameras_that_come_and_go_all_the_time_disturb_nobody(start: Start, rounds: int) -> None:
    run = start()
    before = run.workers()
    for number in range(rounds):
        run.control.add(f"guest-{number % 2}", {"uri": run.address})
        run.wait_for_frames("door", 2)
        time.sleep(1)
        run.control.remove(f"guest-{number % 2}")
        run.wait_for_frames("door", 2)
        time.sleep(1)
    assert run.workers() == before
    run.stop()
    run.check_accounts(["door", "guest-0", "guest-1"])
    assert json.loads((run.folder / "report.json").read_text())["restarts"] == 0
    assert ids(run, "door") == [1]


@pytest.mark.nightly
def test_workers_that_are_killed_while_cameras_come_and_go_lose_nothing(start: Start) -> None:
    run = start()
    for number in range(20):
        run.control.add("guest", {"uri": run.address})
        run.wait_for_frames("guest", 1)
        for name in (("front.guest", "back-0"), ("detect-0", "front.door"))[number % 2]:
            os.kill(run.workers()[name], signal.SIGKILL)
        run.control.remove("guest")
        run.wait_for_frames("door", 2)
    run.stop()
    run.check_accounts(["door", "guest"])
    assert json.loads((run.folder / "report.json").read_text())["restarts"] >= 1


@pytest.mark.nightly
def test_a_server_that_is_away_while_cameras_come_and_go_loses_nothing(
    start: Start, short_folder: Path
) -> None:
    (short_folder / "redis").mkdir()
    server = RedisServer(short_folder / "redis")
    try:
        run = start("--redis", server.url)
        run.control.add("yard", {"uri": run.address})
        control = run.control

        def remove() -> None:
            with suppress(StreamdetError):  # its request, or the answer, may be lost
                control.remove("yard")

        order = Thread(target=remove)
        order.start()
        time.sleep(0.05)
        server.kill()
        time.sleep(1)
        server.start()
        order.join(40)
        run.wait_for_frames("door", 3)
        if run.states()["yard"][0] != "removed":
            run.control.remove("yard")
        run.stop()
    finally:
        server.stop()
    run.check_accounts(["door", "yard"])


def test_more_cameras_than_slots_run_and_their_images_are_larger_than_slots(
    start: Start, tmp_path: Path
) -> None:
    (tmp_path / "small.yaml").write_text("slots: 2\nslot_hw: [8, 8]\npool_mib: 1\n")
    more = ("--deploy", str(tmp_path / "small.yaml"), "--output", str(tmp_path / "boxes.mp4"))
    sets = [word for node in ("camera", "detect", "track") for word in ("--set", f"{node}.batch=1")]
    run = start(*more, *sets)  # so there are 6 slots
    names = [f"c{number}" for number in range(6)]
    for name in names:
        run.control.add(name, {"uri": run.address, "every": 25})
    for name in names:
        run.wait_for_frames(name, 2)
    run.stop()
    run.check_accounts(["door", *names])
    for name in names:
        with av.open(str(tmp_path / f"boxes-{name}.mp4")) as container:
            assert len(list(container.decode(video=0))) == len(run.frames(name))
    assert "does not fit" not in run.log
