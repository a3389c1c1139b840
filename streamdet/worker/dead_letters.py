"""Entries of the public stream of what a run could not work on."""

from __future__ import annotations

import json
from typing import Final

from streamdet.transport.bus import PublicEntry
from streamdet.worker.plan import WorkerPlan

MAXLEN: Final = 10_000
"""Approximate length of the stream."""


def dead_letter(plan: WorkerPlan, reason: str, **what: str | int) -> PublicEntry:
    """Make the entry of something that a worker gave up.

    Args:
        plan: of the worker.
        reason: why, in a sentence.
        what: names it.
    """
    run, node = plan.run, plan.nodes[0].node.name
    letter = {"run": run.layout.run_id, **what, "node": node, "reason": reason}
    return PublicEntry(run.dead_letters, {"metadata": json.dumps(letter).encode()}, MAXLEN)
