"""Checks which node reads which, by names, roles and processes; options come later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from streamdet.config.suggestions import closest, nearest
from streamdet.graph.draft import DraftNode
from streamdet.graph.pipeline import ORDERED_ROLES, in_order, upstream
from streamdet.graph.problems import Problems
from streamdet.system.redaction import short

Drafts = Mapping[str, DraftNode]

_BESIDES: Final = {"detector": "crop", "tracker": "embed"}
"""Kind of analytics that a role may read, too."""
_MAY_READ: Final[dict[str, tuple[str, ...]]] = {
    "source": (),
    "transform": ("source",),
    "detector": ("transform",),
    "tracker": ("detector",),
    "analytics": ("detector", "tracker", "analytics"),
    "sink": ("source", "detector", "tracker", "analytics"),
}
_PARALLEL: Final = "; several files are read at once by `parallel`"
_ORDERED: Final = ORDERED_ROLES | {"source"}


def check_topology(drafts: Drafts, problems: Problems) -> None:
    """Report every error in what the nodes read and in their processes."""
    _check_reads(drafts, problems)
    if cycle := _cycle({node.name: _known(node, drafts) for node in drafts.values()}):
        problems.add(("nodes", cycle[0], "reads"), f"closes the cycle {' -> '.join(cycle)}")
        return
    _check_roles(drafts, problems)
    _check_crops(drafts, problems)
    _check_unread(drafts, problems)
    _check_twice(drafts, problems)
    _check_processes(drafts, problems)
    _check_batches(drafts, problems)
    _check_replicas(drafts, problems)
    _check_order(drafts, problems)


def _known(node: DraftNode, drafts: Drafts) -> tuple[str, ...]:
    return tuple(name for name in node.reads if name in drafts)


def _check_reads(drafts: Drafts, problems: Problems) -> None:
    for node in drafts.values():
        path = (*node.path, "reads")
        if not node.reads and node.role != "source":
            problems.add(path, f"is missing: {_a(node.role)} must name what it reads")
        for name in node.reads:
            if name not in drafts:
                hint = nearest(name, (other for other in drafts if other != node.name))
                problems.add(path, f"must name a node, got {short(name)!r}; {hint}")
        for name in {name for name in node.reads if node.reads.count(name) > 1}:
            problems.add(path, f"names {name!r} twice")


def _cycle(reads: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Find a cycle: follow the reads of names that cannot be ordered until one repeats."""
    placed = set(in_order(reads))
    rest = [name for name in reads if name not in placed]
    trail: list[str] = []
    while rest:
        name = next((n for n in reads[trail[-1]] if n not in placed), "") if trail else rest[0]
        if name in trail:
            return [*trail[trail.index(name) :], name]
        trail.append(name)
    return []


def _check_roles(drafts: Drafts, problems: Problems) -> None:
    if not any(node.role == "source" for node in drafts.values()):
        problems.add(("nodes",), "must hold a node of kind source")
    for node in drafts.values():
        for other in _known(node, drafts):
            role, valid = drafts[other].role, _MAY_READ[node.role]
            besides = _BESIDES.get(node.role)
            if role not in valid and drafts[other].kind != besides:
                named = valid if besides is None else (*valid, besides)
                wanted = f"must be read from a {_or(named)}" if valid else "reads nothing"
                joins = f"joins {node.name} to {other!r}, which is {_a(role)}"
                problems.add(
                    (*node.path, "reads"),
                    f"{joins}: {_a(node.role)} {wanted}",
                )


def is_on_crops(node: DraftNode, drafts: Drafts) -> bool:
    """Whether a node is a detector that reads what a node of kind crop has chosen."""
    kinds = (drafts[name].kind for name in _known(node, drafts))
    return node.role == "detector" and _BESIDES["detector"] in kinds


def _is_no_detector(name: str, drafts: Drafts) -> bool:
    return drafts[name].role != "detector"


def _check_crops(drafts: Drafts, problems: Problems) -> None:
    """Report detectors that read crops and something else, and trackers that come too late."""
    for node in drafts.values():
        path = (*node.path, "reads")
        if is_on_crops(node, drafts) and len(node.reads) > 1:
            problems.add(path, f"must be the crop alone, got {', '.join(node.reads)}")
        embeds = (n for n in _known(node, drafts) if drafts[n].kind == _BESIDES["tracker"])
        before = [m for n in embeds for m in _known(drafts[n], drafts)]
        if node.role == "tracker" and (late := [n for n in before if _is_no_detector(n, drafts)]):
            problems.add(path, f"brings objects of {late[0]!r}: embed must read the detector then")
        second = [n for n in (*_known(node, drafts), *before) if is_on_crops(drafts[n], drafts)]
        if node.role == "tracker" and second:
            problems.add(
                path,
                f"joins {node.name} to {second[0]!r}, which detects in crops: a tracker must stand"
                " before the crop, so that what is found there belongs to its tracks",
            )


def _a(role: str) -> str:
    return "an analytics node" if role == "analytics" else f"a {role}"


def _or(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def _check_unread(drafts: Drafts, problems: Problems) -> None:
    read = {name for node in drafts.values() for name in node.reads}
    # A name that an unknown one may be a typo of counts as read: one typo gives one error.
    for name in read - set(drafts):
        if meant := closest(name, drafts):
            read.add(meant)
    for node in drafts.values():
        if node.role != "sink" and node.name not in read:
            problems.add(node.path, f"is read by no node: {_a(node.role)} must end in a sink")


def _check_twice(drafts: Drafts, problems: Problems) -> None:
    reads = {name: _known(drafts[name], drafts) for name in drafts}
    above = upstream({name: reads[name] for name in in_order(reads)})
    for node in drafts.values():
        seen: dict[str, str] = {}
        for other in dict.fromkeys(reads[node.name]):
            for name in sorted({other, *above[other]}):
                if drafts[name].role == "source" and seen.setdefault(name, other) != other:
                    problems.add(
                        (*node.path, "reads"),
                        f"brings each frame of {name!r} twice, by {seen[name]!r} and by {other!r}",
                    )


def _check_processes(drafts: Drafts, problems: Problems) -> None:
    for node in drafts.values():
        path, process = (*node.path, "process"), node.process
        entries = [n.name for n in drafts.values() if n.process == process and _enters(n, drafts)]
        if process in drafts and drafts[process].process != process:
            problems.add(path, f"must not be the name of another node, got {process!r}")
        elif len(entries) > 1 and node.name in entries[1:]:
            problems.add(
                path,
                f"puts a second entry into process {process!r}: frames must enter it at one node, "
                f"and {entries[0]!r} is one already",
            )


def _enters(node: DraftNode, drafts: Drafts) -> bool:
    outside = (drafts[name].process != node.process for name in _known(node, drafts))
    return node.role == "source" or any(outside)


def _check_batches(drafts: Drafts, problems: Problems) -> None:
    entries = {node.process: node for node in drafts.values() if _enters(node, drafts)}
    for node in drafts.values():
        entry = entries.get(node.process, node)
        for key in ("batch", "max_wait_ms"):
            if key in node.keys.model_fields_set and entry is not node:
                problems.add(
                    (*node.path, key),
                    f"must be stated at {entry.name!r} instead, which reads the batches of "
                    f"process {node.process!r}",
                )


def _check_replicas(drafts: Drafts, problems: Problems) -> None:
    for node in drafts.values():
        if node.keys.replicas == 1:
            continue
        members = [other for other in drafts.values() if other.process == node.process]
        if ordered := [other for other in members if other.role in _ORDERED]:
            problems.add(
                (*node.path, "replicas"),
                f"must be 1, got {node.keys.replicas}: {ordered[0].name!r} in its process is "
                f"{_a(ordered[0].role)}, which meets frames in order"
                f"{_PARALLEL if node.role == 'source' else ''}",
            )


def _check_order(drafts: Drafts, problems: Problems) -> None:
    """Refuse replicated transforms whose images are read where frames must come in order.

    Frames that arrive early are held back and keep their slots. With several transforms the next
    frame may come last and wait for a slot for ever, because all slots are held for it.
    """
    ordered = {node.process: node for node in drafts.values() if node.role in _ORDERED}
    for node in drafts.values():
        for name in _known(node, drafts) if node.process in ordered else ():
            maker = drafts[name]
            apart = maker.process != node.process
            if maker.role == "transform" and apart and (many := _replicated(maker, drafts)):
                last = ordered[node.process]
                problems.add(
                    (*many.path, "replicas"),
                    f"must be 1, got {many.keys.replicas}: {node.name!r} reads the images of "
                    f"{name!r} in the process of {last.name!r}, which meets frames in order",
                )


def _replicated(node: DraftNode, drafts: Drafts) -> DraftNode | None:
    """Find the node that states `replicas` for a node's group."""
    members = (other for other in drafts.values() if other.process == node.process)
    return next((other for other in members if other.keys.replicas != 1), None)
