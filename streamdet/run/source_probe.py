"""Finds the frame size and number of frames of each source before a run.

A source that cannot be opened has no info here; its source worker reports why.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, Final

from streamdet.config.source_settings import SourceSettings
from streamdet.errors import SourceError, StreamdetError
from streamdet.graph import Node, PipelineGraph
from streamdet.registry import load
from streamdet.run.fork_server import ForkServer, ForkServerDiedError
from streamdet.sources import Source, SourceInfo
from streamdet.sources.file_limits import confine
from streamdet.system.process import last_line, limit_memory
from streamdet.worker.run_files import LOG

PROBE_NODE: Final = "streamdet.run.source_probe:probe_node"


def probe(
    server: ForkServer,
    targets: Iterable[tuple[str, tuple[object, ...]]],
    folder: Path,
    limit_s: float,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> None:
    """Run short-lived helpers side by side in processes of their own.

    Args:
        server: forks them.
        targets: "module:function" and arguments.
        folder: where the server's log is.
        limit_s: longest time for all of them, seconds; then they are killed.
        is_cancelled: asked now and then whether to give up.

    Raises:
        StreamdetError: the server has ended; says why.
    """
    waiting: set[int] = set()
    try:
        for target, arguments in targets:
            waiting.add(server.spawn(target, *arguments))
        deadline = time.monotonic() + limit_s
        while waiting and time.monotonic() < deadline and not is_cancelled():
            waiting -= {exit_.pid for exit_ in server.exits(0.1)}
    except ForkServerDiedError as exc:
        raise StreamdetError(
            f"no worker can be started: {last_line((folder / LOG).read_bytes())}"
        ) from exc
    finally:
        for pid in waiting:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def probe_alone(
    targets: Iterable[tuple[str, tuple[object, ...]]], folder: Path, limit_s: float
) -> None:
    """Run helpers as `probe` does, where no run is that has a server.

    Raises:
        StreamdetError: no process can be started; says why.
    """
    server = ForkServer([], folder / LOG)
    try:
        probe(server, targets, folder, limit_s)
    finally:
        server.stop()


def probe_node(node: Node, path: Path, sources: SourceSettings | None = None) -> int:
    """Write what is known of each of a source node's items to a file, a JSON line each.

    Args:
        node: the source.
        path: of the file.
        sources: what this process is confined to from now on; None: nothing.
    """
    if sources is not None:
        confine(sources)
        limit_memory(sources.decoder_mib)
    with path.open("w") as lines:
        for item in node.items:
            source: Source = load("source", node.kind)(item.uri, node.options)
            try:
                info = source.probe(partial(_write, lines, item.source_id))
            except (SourceError, MemoryError):
                info = None
            _write(lines, item.source_id, info)
    return 0


def _write(lines: IO[str], source_id: str, info: SourceInfo | None) -> None:
    known = None if info is None else [info.hw, info.frame_count]
    lines.write(json.dumps([source_id, known]) + "\n")
    lines.flush()


def read_probes(graph: PipelineGraph, folder: Path) -> dict[str, SourceInfo | None]:
    """Read what the probes have written: source id -> info, None if it cannot be opened.

    Sources that have not been probed yet are left out.
    """
    infos: dict[str, SourceInfo | None] = {}
    for node in graph.nodes_of_role("source"):
        path = probe_path(folder, node)
        for line in path.read_text().splitlines() if path.exists() else ():
            source_id, known = json.loads(line)
            infos[source_id] = None if known is None else SourceInfo(tuple(known[0]), known[1])
    return infos


def unprobed(
    graph: PipelineGraph, probed: Collection[str], slot_hw: tuple[int, int]
) -> tuple[str, ...]:
    """Warn of each source node whose images need slots though the size of some is not known.

    Args:
        graph: the graph.
        probed: ids of the sources that have been looked at.
        slot_hw: height and width that their slots hold.
    """
    height, width = slot_hw
    warnings = []
    for node in (each for each in graph.nodes_of_role("source") if not each.is_live):
        missing = [item.source_id for item in node.items if item.source_id not in probed]
        if missing and graph.slot_readers(node.name):
            others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            warnings.append(
                f"{node.name}: the size of {missing[0]}{others} could not be found out in time,"
                f" images up to {height}x{width} are expected: state a larger `slot_hw` in the"
                " deploy file if some are larger"
            )
    return tuple(warnings)


def probe_path(folder: Path, node: Node) -> Path:
    """Where the probe of a node writes."""
    return folder / f"{node.name}.probe"
