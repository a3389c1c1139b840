"""Holds the process of a source to what the machine's settings allow."""

from __future__ import annotations

from streamdet.sources.file_limits import confine
from streamdet.system.process import limit_memory
from streamdet.worker.plan import WorkerPlan


def confine_source(plan: WorkerPlan) -> None:
    """Limit where and how much this process reads from now on, and the memory for it.

    The memory of a worker that also detects, tracks or writes, or works on a GPU, is not limited:
    its libraries map more than they use.
    """
    sources = plan.run.sources
    confine(sources)
    if not plan.is_live and _only_decodes(plan):
        limit_memory(sources.decoder_mib)


def _only_decodes(plan: WorkerPlan) -> bool:
    nodes = [each.node for each in plan.nodes]
    return all(node.role in ("source", "transform") and node.device == "cpu" for node in nodes)
