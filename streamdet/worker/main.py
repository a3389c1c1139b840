"""One process of a run: reads, computes, commits, until every source has ended here.

Note "Begin again": everything that a worker must not lose is in the bus. When it fails, for any
reason, it ends, and a new process takes over: it takes the lease, returns unpublished slots,
restores the committed states and reads the uncommitted entries first. There is no other recovery.
"""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Callable

from streamdet.errors import StreamdetError, TransportError
from streamdet.stages.pixels import PixelStore
from streamdet.system.process import set_name
from streamdet.system.redaction import redacted
from streamdet.system.stop_signals import STOP_SIGNALS
from streamdet.transport.bus import RunLostError
from streamdet.transport.connection import connect
from streamdet.transport.pool import FramePool, kind_of
from streamdet.transport.redis_bus import RedisBus
from streamdet.worker.build_stages import build_stages
from streamdet.worker.confinement import confine_source
from streamdet.worker.context import WorkerContext
from streamdet.worker.heartbeat import Beats
from streamdet.worker.live_source_worker import LiveSourceWorker
from streamdet.worker.plan import WorkerPlan
from streamdet.worker.run_files import (
    EXIT_CRASHED,
    EXIT_DONE,
    EXIT_FATAL,
    EXIT_TRANSPORT,
    beats_path,
    forget_begun,
    traceback_path,
    write_status,
)
from streamdet.worker.source_worker import SourceWorker
from streamdet.worker.stage_worker import StageWorker
from streamdet.worker.taps import Taps


def main(plan: WorkerPlan) -> int:
    """Run one worker in this process; returns its exit code."""
    kinds = "+".join(node_plan.node.kind for node_plan in plan.nodes)
    set_name(
        f"sd:{plan.consumer}",
        f"streamdet worker {plan.consumer} ({kinds}) of run {plan.run.layout.run_id}",
    )
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # the supervisor asks workers to stop
    return ended(plan, lambda: _run(plan))


def ended(plan: WorkerPlan, work: Callable[[], None]) -> int:
    """Do a worker's work and write down why it failed, if it did; returns the exit code."""
    try:
        work()
    except RunLostError as exc:
        return _fail(plan, EXIT_FATAL, str(exc))
    except TransportError as exc:
        forget_begun(plan.run.folder, plan.consumer)  # no frame is to blame
        return _fail(plan, EXIT_TRANSPORT, str(exc))
    except StreamdetError as exc:
        return _fail(plan, EXIT_FATAL, str(exc))
    except Exception as exc:  # noqa: BLE001  the process ends here: report any error
        text = redacted(traceback.format_exc())
        traceback_path(plan.run.folder, plan.consumer).write_text(text)
        return _fail(plan, EXIT_CRASHED, redacted(f"{type(exc).__name__}: {exc}"))
    return EXIT_DONE


def _run(plan: WorkerPlan) -> None:
    beats = Beats(beats_path(plan.run.folder))

    def beat() -> None:
        beats.beat(plan.number)

    beat()
    _limit_opencv()
    bus = RedisBus(connect(plan.run.redis_url, is_single=True), plan.run.layout)
    pixels = PixelStore(bus, _attach_pools(plan), beat)
    group, runtimes = build_stages(plan, pixels)
    group.tap = Taps(plan, pixels, bus.states)
    write_status(plan.run.folder, plan.consumer, runtimes=runtimes)
    if plan.is_source:
        confine_source(plan)
    _worker_class(plan)(WorkerContext(plan, bus, group, pixels, beat)).run()
    if group.warnings:  # no step follows that could carry them
        write_status(plan.run.folder, plan.consumer, warnings=group.warnings)


def _worker_class(plan: WorkerPlan) -> type[StageWorker | SourceWorker | LiveSourceWorker]:
    if plan.is_live:
        return LiveSourceWorker
    return SourceWorker if plan.is_source else StageWorker


def _limit_opencv() -> None:
    """Let OpenCV use one thread: the other cores are for the other stages."""
    if "cv2" in sys.modules:
        import cv2

        cv2.setNumThreads(1)


def _attach_pools(plan: WorkerPlan) -> dict[str, FramePool]:
    names = {*plan.own_pools, *plan.reads_pools}
    pools = {name: pool for name, pool in plan.run.pools.items() if name in names}
    return {name: kind_of(pool).attach(pool) for name, pool in pools.items()}


def _fail(plan: WorkerPlan, code: int, sentence: str) -> int:
    write_status(plan.run.folder, plan.consumer, failure=sentence)
    return code
