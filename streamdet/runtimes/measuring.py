"""Measures how fast runtimes are with a network: several processes at once, as a run has them.

Each candidate in turn is loaded by all processes; when all have warmed up, they run for the same
stretch of time. A candidate that crashes, hangs or refuses the network costs its result only.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from streamdet.models.measured_choice import Candidate, Speed
from streamdet.models.model_config import ImageInput
from streamdet.system.process import last_line

BUDGET_S: Final = 2.0
"""Seconds of running for all candidates together; loading and warming up come on top."""
LIMIT_S: Final = 60.0
"""A candidate that has not loaded, or not finished its last call, so long after has failed."""
STOPPED: Final = "measuring was stopped"
_POLL_S: Final = 0.1
_PROGRAM: Final = (sys.executable, "-m", "streamdet.runtimes.measured_process")


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured.

    Attributes:
        network: an ONNX file.
        image_input: how the network wants its image.
        threads: of each process.
        processes: how many run the network at once.
    """

    network: Path
    image_input: ImageInput
    threads: int = 1
    processes: int = 1


def measure(
    subject: Subject,
    candidates: Sequence[Candidate],
    *,
    budget_s: float = BUDGET_S,
    limit_s: float = LIMIT_S,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> dict[Candidate, Speed]:
    """Measure candidates, one after the other, each for its share of the budget.

    Args:
        subject: the network, and how many processes run it.
        candidates: what to measure.
        budget_s: seconds of running, for all together.
        limit_s: how long one may take to load, and to finish after its share.
        is_cancelled: asked now and then whether nobody wants the result any more.
    """
    share_s = budget_s / len(candidates)
    return {one: _speed(subject, one, (share_s, limit_s), is_cancelled) for one in candidates}


class _FailedError(Exception):
    """A candidate has failed: why."""


def _speed(
    subject: Subject,
    candidate: Candidate,
    share_and_limit_s: tuple[float, float],
    is_cancelled: Callable[[], bool],
) -> Speed:
    share_s, limit_s = share_and_limit_s
    with ExitStack() as stack:
        try:
            children = [
                stack.enter_context(_Child(subject, candidate)) for _ in range(subject.processes)
            ]
            _answers(children, limit_s, "load the network", is_cancelled)
            for child in children:
                child.go(share_s)
            done = _answers(children, share_s + limit_s, "run the network", is_cancelled)
        except _FailedError as exc:
            return Speed(None, str(exc))
    return Speed(sum(one["calls"] / one["seconds"] for one in done))


class _Child:
    """One process; it is killed at the end of the block."""

    def __init__(self, subject: Subject, candidate: Candidate) -> None:
        work = {
            "kind": candidate.runtime,
            "options": {"precision": candidate.precision, "threads": subject.threads},
            "network": str(subject.network),
            "image_input": subject.image_input.model_dump(),
        }
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  closed in __exit__
        self._process = subprocess.Popen(
            [*_PROGRAM, str(os.getpid()), json.dumps(work)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            bufsize=0,
            start_new_session=True,  # Ctrl-C in the terminal is for the parent alone
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin = self._process.stdin
        self.answers = self._process.stdout

    def __enter__(self) -> _Child:
        """Give the process."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Kill it, if it has not ended yet, and reap it."""
        self._process.kill()
        self._process.wait()
        for stream in (self._stdin, self.answers, self._log):
            with suppress(OSError):
                stream.close()

    def go(self, share_s: float) -> None:
        """Have it run for so many seconds."""
        with suppress(BrokenPipeError):  # its answer will be that it has ended
            self._stdin.write(f"{share_s}\n".encode())

    def read(self) -> dict[str, Any]:
        """Read an answer that has come.

        Raises:
            _FailedError: it says why it cannot go on, or has ended.
        """
        line = self.answers.readline()
        if not line:
            raise _FailedError(self._end())
        answer: dict[str, Any] = json.loads(line)
        if "failure" in answer:
            raise _FailedError(answer["failure"])
        return answer

    def _end(self) -> str:
        """Say how it has ended."""
        code = self._process.wait()
        if code < 0:
            return f"the process was ended by {signal.Signals(-code).name}"
        self._log.seek(0)
        said = last_line(self._log.read())
        return f"the process ended with code {code}: {said}"


def _answers(
    children: Sequence[_Child], limit_s: float, what: str, is_cancelled: Callable[[], bool]
) -> list[dict[str, Any]]:
    """Read one answer of each."""
    answers: dict[_Child, dict[str, Any]] = {}
    deadline = time.monotonic() + limit_s
    while len(answers) < len(children):
        waiting = [child for child in children if child not in answers]
        ready = wait([child.answers.fileno() for child in waiting], _POLL_S)
        answers |= {one: one.read() for one in waiting if one.answers.fileno() in ready}
        if is_cancelled():
            raise _FailedError(STOPPED)
        if time.monotonic() > deadline and len(answers) < len(children):
            raise _FailedError(f"it did not {what} within {limit_s:.0f} s")
    return [answers[child] for child in children]
