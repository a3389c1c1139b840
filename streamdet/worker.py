"""One process of a run: reads, computes, commits, until every source has ended here.

Note "Begin again": a worker keeps nothing that matters outside the bus. When it fails, whatever the
reason, it ends, and a fresh process attaches: it takes the lease over, gives unpublished slots
back, restores the committed states and reads the uncommitted entries first. There is no other
recovery.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any, Final

from streamdet.assemble import assemble
from streamdet.committer import Committer
from streamdet.errors import StreamdetError, TransportError
from streamdet.intake import Intake, Item
from streamdet.messages import EndOfStream, FrameMessage
from streamdet.plan import WorkerPlan
from streamdet.process import set_name
from streamdet.progress import Beats
from streamdet.source_worker import SourceWorker
from streamdet.stages import Job
from streamdet.stages.pixels import PixelStore
from streamdet.transport.bus import RunLostError
from streamdet.transport.connection import connect
from streamdet.transport.pool import FramePool
from streamdet.transport.redis_bus import RedisBus
from streamdet.transport.shm_pool import map_pool
from streamdet.workplace import Workplace

EXIT_DONE: Final = 0
EXIT_CRASHED: Final = 1
"""An unexpected error: the worker is started again, a few times."""
EXIT_FATAL: Final = 3
"""A sentence (see `read_status`) that ends the run."""
EXIT_TRANSPORT: Final = 4
"""The bus did not answer or refused a stale step: started again as soon as the server answers."""


class StageWorker:
    """Works on what its group's input stream brings.

    Args:
        place: what there is to work with.
    """

    def __init__(self, place: Workplace) -> None:
        self._place = place
        self._committer = Committer(place.plan, place.bus, place.beat)

    def run(self) -> None:
        """Work until every source has ended here.

        Raises:
            TransportError: see the note "Begin again".
        """
        self.attach()
        while not self._is_done():
            while not self.advance():
                pass
        self._place.group.close()

    def attach(self) -> None:
        """Take over from whoever did this work before."""
        self._lease = self._place.take_over()
        plan, bus = self._place.plan, self._place.bus
        self._intake = Intake(
            bus,
            self._lease,
            batch=plan.batch,
            max_wait_s=plan.max_wait_s,
            next_index=bus.done_counts(plan.group) if plan.is_ordered else None,
        )

    def advance(self) -> bool:
        """Do the next batch; returns whether it is time to ask if all is done."""
        self._place.beat()
        batch = self._intake.next_batch()
        if batch:
            self._do(batch)
        return not batch or any(item.is_end for item in batch)

    def _is_done(self) -> bool:
        """Whether every source that reaches this worker has ended here."""
        plan = self._place.plan
        return self._place.bus.ended_sources(plan.group) >= set(plan.source_ids)

    def _do(self, batch: list[Item]) -> None:
        messages = [item.message for item in batch if isinstance(item.message, FrameMessage)]
        results = (
            self._place.group.process([Job(message) for message in messages]) if messages else {}
        )
        frame_ids = [item.entry_id for item in batch if not item.is_end]
        commits = self._committer.frame_commits(messages, frame_ids, results)
        for item in batch:
            if isinstance(item.message, EndOfStream):
                self._place.group.finish(item.message.source_id)
                commits.append(self._committer.end_commit(item.message, item.entry_id))
        self._committer.step(self._lease, commits, results, states=self._place.group.states())
        self._place.group.committed()


def main(plan: WorkerPlan) -> int:
    """Run one worker in this process; returns its exit code."""
    set_name(f"sd:{plan.consumer}")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # stopping is the supervisor's affair: it asks us
    try:
        _run(plan)
    except RunLostError as exc:
        return _fail(plan, EXIT_FATAL, str(exc))
    except TransportError as exc:
        return _fail(plan, EXIT_TRANSPORT, str(exc))
    except StreamdetError as exc:
        return _fail(plan, EXIT_FATAL, str(exc))
    except Exception as exc:  # noqa: BLE001  the edge of the process: whatever it is, say it
        traceback_path(plan.run.folder, plan.consumer).write_text(traceback.format_exc())
        return _fail(plan, EXIT_CRASHED, f"{type(exc).__name__}: {exc}")
    return EXIT_DONE


def _run(plan: WorkerPlan) -> None:
    beats = Beats(beats_path(plan.run.folder))

    def beat() -> None:
        beats.beat(plan.number)

    beat()
    _limit_opencv()
    bus = RedisBus(connect(plan.run.redis_url, is_single=True), plan.run.layout)
    pixels = PixelStore(bus, _map_pools(plan), beat)
    group, runtimes = assemble(plan, pixels)
    _write_status(plan, runtimes=runtimes)
    kind = SourceWorker if plan.is_source else StageWorker
    kind(Workplace(plan, bus, group, pixels, beat)).run()


def _limit_opencv() -> None:
    """Have OpenCV use one thread: the other cores have the other stages."""
    if "cv2" in sys.modules:
        import cv2

        cv2.setNumThreads(1)


def _map_pools(plan: WorkerPlan) -> dict[str, FramePool]:
    names = {*plan.own_pools, *plan.reads_pools}
    pools = {name: pool for name, pool in plan.run.pools.items() if name in names}
    return {n: map_pool(pool.path, pool.slots, pool.slot_bytes) for n, pool in pools.items()}


def beats_path(folder: Path) -> Path:
    """Where the beats of a run lie."""
    return folder / "beats"


def traceback_path(folder: Path, consumer: str) -> Path:
    """Where a worker leaves the traceback of an unexpected error."""
    return folder / f"{consumer}.traceback"


def read_status(folder: Path, consumer: str) -> dict[str, Any]:
    """What a worker last said of itself: `runtimes` (node -> name), `failure` (a sentence)."""
    path = folder / f"{consumer}.json"
    status: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return status


def _fail(plan: WorkerPlan, code: int, sentence: str) -> int:
    _write_status(plan, failure=sentence)
    return code


def _write_status(plan: WorkerPlan, **values: Any) -> None:
    status = read_status(plan.run.folder, plan.consumer) | values
    temporary = plan.run.folder / f"{plan.consumer}.json.{os.getpid()}"
    temporary.write_text(json.dumps(status))
    temporary.replace(plan.run.folder / f"{plan.consumer}.json")
