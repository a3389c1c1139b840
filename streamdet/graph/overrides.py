"""Applies --set, --source and --output to a graph file before it is checked."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from streamdet.config.overrides import put, split_set
from streamdet.config.suggestions import nearest
from streamdet.config.yaml_loader import YamlText
from streamdet.errors import ConfigError
from streamdet.graph.problems import Problems
from streamdet.registry import load, role_of
from streamdet.sources.resolve import camera_ids, names_camera
from streamdet.system.redaction import is_utf8, short

OUTPUT_KINDS: Final = {
    ".mp4": ("video", "video with the boxes drawn"),
    ".events.jsonl": ("event_file", "a line an event"),
    ".jsonl": ("jsonl", "a line a frame"),
    ".csv": ("csv", "a row an object"),
    ".parquet": ("parquet", "a row an object"),
    ".txt": ("mot", "MOT"),
    ".records": ("records", "a folder of events and tracks for `streamdet search`"),
}
"""Suffix of an output -> which sink writes it, and what is in it."""

OUTPUT_FORMATS: Final = ", ".join(f"{end} ({what})" for end, (_, what) in OUTPUT_KINDS.items())
"""The list that help and errors show."""

CALLER: Final = "caller"
"""The sink that hands frames to the process that runs the graph: its name and its kind."""


def override(
    text: YamlText,
    problems: Problems,
    *,
    sources: Sequence[str],
    outputs: Sequence[str],
    sets: Sequence[str],
    to_caller: bool = False,
) -> None:
    """Change the nodes of a graph file; later errors name the option instead of a line.

    What cannot be applied is left out and reported.

    Settings of nodes that the file has come first, so that a cloned source takes them along; those
    of nodes and cameras that `sources` and `outputs` add (camera-2, output-1) come last.

    Args:
        text: the parsed file, which is changed.
        problems: where to report.
        sources: for the only source node; each after the first goes to a clone of it, but all
            cameras to one.
        outputs: paths, each for a new sink.
        sets: NODE.OPTION=VALUE, the value as in a YAML file.
        to_caller: add a sink, `CALLER`, that hands the results to the process that runs the graph.
    """
    nodes = text.values["nodes"]
    early = [entry for entry in sets if _is_early(entry, nodes, bool(sources))]
    changes: list[Callable[[], None]] = [partial(_set, text, entry) for entry in early]
    if sources:
        changes.append(partial(_set_sources, text, sources))
    for number, output in enumerate(outputs, 1):
        changes.append(partial(_add_output, text, f"output-{number}", output))
    if to_caller:
        changes.append(partial(_add_caller, text))
    changes += [partial(_set, text, entry) for entry in sets if entry not in early]
    for change in changes:
        with problems.collected():
            change()


def _is_early(entry: str, nodes: dict[str, Any], has_sources: bool) -> bool:
    node, *keys = entry.partition("=")[0].split(".")
    return node in nodes and not (has_sources and len(keys) > 1 and keys[0] == "cameras")


def _set(text: YamlText, entry: str) -> None:
    form = "NODE.OPTION=VALUE, for example detect.batch=4"
    keys, value, place = split_set(entry, form, least_keys=2)
    nodes = text.values["nodes"]
    if keys[0] not in nodes:
        raise ConfigError(f"{place}: there is no node {keys[0]!r}; {nearest(keys[0], nodes)}")
    put(text, ("nodes", *keys), value, place)


def _set_sources(text: YamlText, uris: Sequence[str]) -> None:
    nodes: dict[str, Any] = text.values["nodes"]
    names = [name for name, node in nodes.items() if _role(node) == "source"]
    if len(names) != 1:
        came = f"{len(names)} ({', '.join(names)})" if names else "none"
        raise ConfigError(f"--source needs a graph with one source node, this one has {came}")
    first, *others = _by_node(uris)
    for number, group in enumerate(others, 2):
        _clone(text, names[0], f"-{number}")
        _read(text, f"{names[0]}-{number}", group)
    _read(text, names[0], first)


def _by_node(uris: Sequence[str]) -> list[list[str]]:
    """Give each address a node of its own, but all cameras the place of the first of them."""
    cameras = [uri for uri in uris if names_camera(uri)]
    groups = [[uri] for uri in uris if uri not in cameras]
    if cameras:
        groups.insert(uris.index(cameras[0]), cameras)
    return groups


def _read(text: YamlText, node: str, uris: Sequence[str]) -> None:
    """Let a source read an address, or cameras."""
    values = text.values["nodes"][node]
    for key in ("uri", "cameras"):
        values.pop(key, None)
        text.forget(("nodes", node, key))
    if not names_camera(uris[0]):
        _put(text, node, "uri", uris[0], f"--source {short(uris[0])}")
        return
    path = ("nodes", node, "cameras")
    values["cameras"] = {}
    text.places[path] = f"--source {short(uris[0])}"
    for name, uri in zip(camera_ids(uris), uris, strict=True):
        values["cameras"][name] = {"uri": uri}
        text.places[*path, name, "uri"] = f"--source {short(uri)}"
        text.texts[*path, name, "uri"] = uri


def _clone(text: YamlText, source: str, suffix: str) -> None:
    """Copy a source and the transforms in its process; their readers read the copies too."""
    nodes: dict[str, Any] = text.values["nodes"]
    process = nodes[source].get("process")
    cloned = [source]
    if process is not None:
        cloned += [n for n in nodes if _is_transform_in(nodes[n], process) and n != source]
    clones = {}
    for name in cloned:
        clone = clones[name + suffix] = copy.deepcopy(nodes[name])
        clone["reads"] = [r + suffix if r in cloned else r for r in _reads(clone)]
        if process is not None:
            clone["process"] = process + suffix
        text.copy(("nodes", name), ("nodes", name + suffix))
    for name, node in nodes.items():
        copies = [read + suffix for read in _reads(node) if read in cloned]
        if copies and name not in cloned:
            node["reads"] = [*_reads(node), *copies]
    nodes.update(clones)


def _add_output(text: YamlText, name: str, output: str) -> None:
    place = f"--output {short(output)}"
    if not is_utf8(output):
        raise ConfigError(f"{place}: must be UTF-8")
    file = Path(output).name.lower()
    suffix = next((end for end in OUTPUT_KINDS if file.endswith(end) and file != end), None)
    if suffix is None:
        got = Path(output).suffix or "no suffix"
        raise ConfigError(f"{place}: must end in one of {OUTPUT_FORMATS}, got {got!r}")
    nodes: dict[str, Any] = text.values["nodes"]
    if name in nodes:
        raise ConfigError(f"{place}: its node would be {name!r}, which the graph already has")
    kind, _ = OUTPUT_KINDS[suffix]
    nodes[name] = {"kind": kind, "reads": _results(nodes)}
    text.places["nodes", name] = place
    sink = load("sink", kind)
    _put(text, name, "path" if "path" in sink.Options.model_fields else "folder", output, place)
    if sink.needs_image:
        # Who asks for a video asks for its images. Encoding it is slow: in a process of its own it
        # does not delay the others.
        nodes[name]["copy"] = True
    elif len(nodes[name]["reads"]) == 1:
        process = _process(nodes, nodes[name]["reads"][0])
        if not _has_replicas(nodes, process):
            nodes[name]["process"] = process


def _add_caller(text: YamlText) -> None:
    nodes: dict[str, Any] = text.values["nodes"]
    if CALLER in nodes:
        raise ConfigError(f"{text.place(('nodes', CALLER))}: {CALLER!r} is taken: rename that node")
    nodes[CALLER] = {"kind": CALLER, "reads": _results(nodes), "copy": True}
    text.places["nodes", CALLER] = "the caller"


def _results(nodes: dict[str, Any]) -> list[str]:
    """Name the last of the analytics, trackers or detectors, else what the first sink reads.

    A crop, and analytics that a tracker reads, are no results; the detector that reads a crop is.
    """
    crops = [name for name, node in nodes.items() if node.get("kind") == "crop"]
    second = [name for name, node in nodes.items() if any(r in crops for r in _reads(node))]
    between = [r for node in nodes.values() if _role(node) == "tracker" for r in _reads(node)]
    roles = {name: "analytics" if name in second else _role(nodes[name]) for name in nodes}
    for role, left_out in (("analytics", crops + between), ("tracker", []), ("detector", [])):
        if names := [name for name in nodes if roles[name] == role and name not in left_out]:
            return names[-1:]
    for node in nodes.values():
        if _role(node) == "sink" and _reads(node):
            return _reads(node)
    return [name for name, node in nodes.items() if _role(node) == "source"]


def _has_replicas(nodes: dict[str, Any], process: str) -> bool:
    """Whether several processes share a group's work: such a group cannot hold a sink."""
    members = [node for name, node in nodes.items() if _process(nodes, name) == process]
    shares = any(node.get(key, 1) != 1 for node in members for key in ("replicas", "parallel"))
    return shares or any("cameras" in node for node in members)


def _process(nodes: dict[str, Any], name: str) -> str:
    return str(nodes.get(name, {}).get("process") or name)


def _put(text: YamlText, node: str, key: str, value: str, place: str) -> None:
    path = ("nodes", node, key)
    text.forget(path)
    text.values["nodes"][node][key] = value
    text.places[path], text.texts[path] = place, value


def _role(node: dict[str, Any]) -> str | None:
    kind = node.get("kind")
    return role_of(kind) or kind if isinstance(kind, str) else None


def _is_transform_in(node: dict[str, Any], process: object) -> bool:
    return _role(node) == "transform" and node.get("process") == process


def _reads(node: dict[str, Any]) -> list[str]:
    reads = node.get("reads")
    if isinstance(reads, str):
        return [reads]
    return list(reads) if isinstance(reads, list) else []
