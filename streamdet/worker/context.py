"""What every worker works with; see the note "Begin again" in main.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from streamdet.stages.group import StageGroup
from streamdet.stages.pixels import PixelStore
from streamdet.transport.bus import Bus, Lease
from streamdet.worker.plan import WorkerPlan
from streamdet.worker.run_files import write_status


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """A worker's plan, and the objects made from it.

    Attributes:
        plan: what to do.
        bus: to read from and commit to.
        group: the stages; a source is not among them.
        pixels: the pools.
        beat: sends a heartbeat; to be called on any progress.
    """

    plan: WorkerPlan
    bus: Bus
    group: StageGroup
    pixels: PixelStore
    beat: Callable[[], None]

    def take_over(self) -> Lease:
        """Take over from the previous process: lease, unpublished slots, states."""
        lease = self.bus.take_lease(self.plan.group, self.plan.consumer)
        self.pixels.attach(lease, self.plan.own_pools)
        nodes = [each.node for each in self.plan.nodes]
        stages = [node.name for node in nodes if node.role != "source"]
        self.group.restore({name: self.bus.states(name) for name in stages})
        write_status(self.plan.run.folder, self.plan.consumer, is_ready=True)
        return lease
