"""Which workers are started again, when, and when it is enough: a fake clock, fake processes."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streamdet.config.deploy import DeploySettings, RestartSettings
from streamdet.errors import EngineError, StreamdetError
from streamdet.graph.file import load_graph
from streamdet.run.fork_server import Exit, ForkServer, ForkServerDiedError
from streamdet.run.processes import WORKER_MAIN, Processes, modules_of
from streamdet.run.source_probe import probe, probe_alone
from streamdet.worker import run_files as worker
from streamdet.worker.heartbeat import Beats
from tests.toy_run import back_plan, detect_plan, run_plan

LIMITS = DeploySettings(
    restart=RestartSettings(max_per_minute=4, backoff_s=1.0, backoff_max_s=3.0), stall_s=60
)


class FakeServer(ForkServer):
    """Counts process ids up; its children end when the test says so."""

    def __init__(self, servers: list[FakeServer]) -> None:
        servers.append(self)
        self.servers = servers
        self.pids = 0
        self.ended: list[Exit] = []
        self.running: dict[str, int] = {}
        self.is_dead = self.is_stopped = False

    def spawn(self, target: str, *arguments: Any) -> int:
        self._check()
        self.pids += 1
        if target == WORKER_MAIN:
            self.running[arguments[0].consumer] = 1000 + self.pids
        return 1000 + self.pids

    def exits(self, wait_s: float) -> list[Exit]:
        self._check()
        ended, self.ended = self.ended, []
        pids = {exit_.pid for exit_ in ended}
        self.running = {name: pid for name, pid in self.running.items() if pid not in pids}
        return ended

    def stop(self) -> None:
        self.is_stopped = True

    def restarted(self) -> FakeServer:
        self.stop()
        return FakeServer(self.servers)

    def _check(self) -> None:
        if self.is_dead:
            raise ForkServerDiedError("the fork server has ended")


class Rig:
    """A fleet of two workers in a world of its own."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.now_s = 100.0
        self.progress = 0
        self.servers: list[FakeServer] = []
        self.killed: list[int] = []
        patch.setattr(time, "monotonic", lambda: self.now_s)
        patch.setattr(time, "monotonic_ns", lambda: int(self.now_s * 1e9))
        patch.setattr(os, "kill", lambda pid, number: self.killed.append(pid))
        run = run_plan(folder)
        plans = [replace(detect_plan(run), number=0), replace(back_plan(run), number=1)]
        (folder / worker.LOG).touch()
        server = FakeServer(self.servers)
        self.processes = Processes(plans, LIMITS, folder, lambda: self.progress, server)
        self.processes.start_due()

    def end(self, consumer: str, code: int) -> None:
        """Have a worker end."""
        self.servers[-1].ended.append(Exit(self.servers[-1].running[consumer], code))
        self.processes.watch(0)

    def pause_s(self, consumer: str) -> float:
        """How long it takes until a worker is started again."""
        for tenths in range(1000):
            self.processes.start_due()
            if consumer in self.servers[-1].running:
                return tenths / 10
            self.now_s += 0.1
        raise AssertionError(f"{consumer} is not started again")


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    yield Rig(tmp_path, monkeypatch)


def test_all_workers_are_started(rig: Rig) -> None:
    assert rig.servers[-1].running == {"detect-0": 1001, "back-0": 1002}


def test_a_worker_that_is_done_is_not_started_again(rig: Rig) -> None:
    rig.end("detect-0", worker.EXIT_DONE)
    rig.now_s += 1000
    rig.processes.start_due()
    assert list(rig.servers[-1].running) == ["back-0"]
    assert not rig.processes.sinks_are_done()
    rig.end("back-0", worker.EXIT_DONE)
    assert rig.processes.sinks_are_done()


def test_the_first_restart_is_immediate_and_then_pauses_double_up_to_a_limit(rig: Rig) -> None:
    pauses_s = []
    for _ in range(4):
        rig.end("detect-0", -signal.SIGKILL)
        pauses_s.append(rig.pause_s("detect-0"))
    assert pauses_s == pytest.approx([0, 1, 2, 3], abs=0.15)
    assert rig.processes.restarts == 4


def test_too_many_restarts_in_a_minute_without_progress_are_a_failure(rig: Rig) -> None:
    for _ in range(4):
        rig.end("detect-0", -signal.SIGKILL)
        rig.pause_s("detect-0")
    with pytest.raises(
        EngineError, match=r"^detect-0 ended 5 times in a minute .*killed by SIGKILL"
    ):
        rig.end("detect-0", -signal.SIGKILL)


def test_a_worker_whose_run_moves_may_be_killed_for_ever(rig: Rig) -> None:
    for _ in range(50):
        rig.progress += 1
        rig.end("detect-0", -signal.SIGKILL)
        assert rig.pause_s("detect-0") == 0


def test_restarts_of_long_ago_do_not_count(rig: Rig) -> None:
    for _ in range(20):
        rig.end("detect-0", worker.EXIT_CRASHED)
        rig.pause_s("detect-0")
        rig.now_s += 61


def test_workers_are_counted_apart(rig: Rig) -> None:
    for consumer in ("detect-0", "back-0"):
        for _ in range(4):
            rig.end(consumer, worker.EXIT_CRASHED)
            rig.pause_s(consumer)


def test_a_failure_is_told_in_the_workers_own_words(rig: Rig) -> None:
    (rig.folder / "back-0.json").write_text('{"failure": "cannot write o.jsonl: full"}')
    with pytest.raises(EngineError, match=r"^cannot write o.jsonl: full$"):
        rig.end("back-0", worker.EXIT_FATAL)


def test_a_failure_without_words_is_its_exit_code(rig: Rig) -> None:
    with pytest.raises(EngineError, match="exit code 3"):
        rig.end("back-0", worker.EXIT_FATAL)


def test_a_dead_fork_server_is_replaced_and_all_workers_with_it(rig: Rig) -> None:
    rig.servers[0].is_dead = True
    rig.processes.watch(0)
    assert rig.servers[0].is_stopped
    assert rig.servers[-1].running == {}
    rig.processes.start_due()
    assert set(rig.servers[-1].running) == {"detect-0", "back-0"}
    assert (len(rig.servers), rig.processes.restarts) == (2, 1)


def test_a_fork_server_that_dies_again_and_again_fails_the_run(rig: Rig) -> None:
    rig.servers[0].is_dead = True
    (rig.folder / "workers.log").write_text("Traceback ...\nImportError: no av\n")

    def die_for_ever() -> None:
        while True:
            rig.servers[-1].is_dead = True
            rig.processes.start_due()
            rig.processes.watch(0)

    with pytest.raises(EngineError, match=r"ended 5 times in a minute .*: ImportError: no av$"):
        die_for_ever()


def test_the_end_of_a_process_of_an_older_server_means_nothing(rig: Rig) -> None:
    rig.servers[0].ended.append(Exit(4711, worker.EXIT_FATAL))
    rig.processes.watch(0)
    assert len(rig.servers[-1].running) == 2


def test_a_silent_worker_is_killed_and_a_lively_one_is_not(rig: Rig) -> None:
    rig.now_s += 59
    rig.processes.watch(0)
    assert rig.killed == []
    Beats(worker.beats_path(rig.folder)).beat(1)
    rig.now_s += 2
    rig.processes.watch(0)
    assert rig.killed == [1001]


def test_who_was_killed_for_silence_is_named_with_what_helps_until_the_run_moves(rig: Rig) -> None:
    rig.now_s += 61
    rig.processes.watch(0)
    rig.servers[0].ended.append(Exit(1001, -signal.SIGKILL))
    rig.processes.watch(0)
    assert rig.processes.silent() == (
        "detect-0 was silent for 60 s and was killed: if a batch takes so long, lower detect.batch"
        " (2) or raise `stall_s` in the deploy file",
    )
    rig.progress += 1
    assert rig.processes.silent() == ()


def test_a_silent_worker_that_is_gone_already_is_no_error(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(pid: int, number: int) -> None:
        raise ProcessLookupError

    monkeypatch.setattr(os, "kill", gone)
    rig.now_s += 61
    rig.processes.watch(0)
    assert len(rig.servers[-1].running) == 2


def test_what_really_runs_is_gathered_from_all_workers(rig: Rig) -> None:
    (rig.folder / "detect-0.json").write_text('{"runtimes": {"detect": "opencv"}}')
    assert rig.processes.runtimes() == {"detect": "opencv"}


def test_only_libraries_that_the_nodes_use_are_imported_before_the_fork(tmp_path: Path) -> None:
    path = tmp_path / "graph.yaml"
    camera = "camera: {kind: source, uri: synthetic:street}"
    write = f"write: {{kind: jsonl, reads: camera, path: {tmp_path}/o.jsonl}}"
    path.write_text(f"version: 1\nname: few\nnodes:\n  {camera}\n  {write}\n")
    assert modules_of(load_graph(path)) == ["streamdet.worker.main", "av"]
    assert modules_of(load_graph("people")) == ["streamdet.worker.main", "av", "cv2"]


def test_stop_ends_the_fork_server(rig: Rig) -> None:
    rig.processes.stop()
    assert rig.servers[0].is_stopped


def write(path: str) -> int:
    Path(path).write_text("done")
    return 0


def hang() -> int:
    signal.pause()
    return 0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ForkServer]:
    made = ForkServer([__name__], tmp_path / worker.LOG)
    yield made
    made.stop()


def test_probes_run_side_by_side_and_are_killed_after_their_time(
    server: ForkServer, tmp_path: Path
) -> None:
    paths = [str(tmp_path / name) for name in "ab"]
    targets = [(f"{__name__}:write", (path,)) for path in paths]
    probe(server, [*targets, (f"{__name__}:hang", ())], tmp_path, 5.0)
    assert [Path(path).read_text() for path in paths] == ["done", "done"]
    assert [exit_.code for exit_ in server.exits(10)] == [-signal.SIGKILL]


def test_probes_end_when_nobody_wants_to_know(server: ForkServer, tmp_path: Path) -> None:
    probe(server, [(f"{__name__}:hang", ())], tmp_path, 60, is_cancelled=lambda: True)
    assert [exit_.code for exit_ in server.exits(10)] == [-signal.SIGKILL]


def test_probes_that_cannot_be_started_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(StreamdetError, match="no worker can be started: it said nothing"):
        probe_alone([(f"{__name__}:hang", ())], tmp_path, 1)
