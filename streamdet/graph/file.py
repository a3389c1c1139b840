"""From a graph file and the command line to a checked graph."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from os import environ as os_environ
from pathlib import Path
from typing import Any

from streamdet.config.files import find_own_or_shipped
from streamdet.config.validation import checked
from streamdet.config.yaml_loader import read_yaml
from streamdet.errors import ConfigError
from streamdet.graph.analytics import check_analytics, check_event_sinks, check_vectors
from streamdet.graph.build_nodes import build_nodes
from streamdet.graph.camera_files import spread_cameras
from streamdet.graph.contents import check_contents
from streamdet.graph.devices import check_devices
from streamdet.graph.draft import GraphFile, draft_nodes
from streamdet.graph.outputs import check_outputs
from streamdet.graph.overrides import override
from streamdet.graph.pipeline import PipelineGraph
from streamdet.graph.problems import Problems
from streamdet.graph.recording import check_recording
from streamdet.graph.thresholds import with_thresholds
from streamdet.graph.topology import check_topology


def load_graph(
    path: str | Path,
    *,
    sources: Sequence[str] = (),
    outputs: Sequence[str] = (),
    overrides: Sequence[str] = (),
    to_caller: bool = False,
    environ: Mapping[str, str] = os_environ,
) -> PipelineGraph:
    """Read a graph file, apply the command line to it and check the result.

    Relative paths in it start from the current folder, as on the command line; that of a file of
    cameras from the graph's.

    Args:
        path: the file, or the name or path of a shipped one (people, pipelines/people.yaml).
        sources: values of --source: the first for the graph's only source node, the others for
            clones of it (camera-2 ...), together with the transforms in its process. Cameras share
            a node.
        outputs: values of --output, each for a new sink (output-1 ...).
        overrides: values of --set.
        to_caller: add a sink (caller) that hands every frame to the process that runs the graph.
        environ: where `${NAME}` is looked up.

    Raises:
        ConfigError: one sentence for each fault (the first ten), a line each.
    """
    text = read_yaml(find_graph(path), environ)
    if not isinstance(text.values, dict):
        raise ConfigError(f"{text.name}: must hold the keys version and nodes")
    problems = Problems(text)
    with problems.collected():
        checked(GraphFile, text, (), text.values)
    if not _has_nodes(text.values):
        problems.raise_if_any()
    files = spread_cameras(text, environ)
    override(text, problems, sources=sources, outputs=outputs, sets=overrides, to_caller=to_caller)
    files += spread_cameras(text, environ)
    drafts = draft_nodes(text, problems)
    if not problems:
        check_topology(drafts, problems)
    nodes = build_nodes(drafts, text, problems)
    problems.raise_if_any()
    check_contents(nodes, problems)
    nodes = with_thresholds(nodes, problems)
    name = text.values.get("name") or _name_like(Path(text.name).stem)
    graph = PipelineGraph(name, Path(text.name), nodes, files)
    check_devices(graph, problems)
    check_outputs(graph, problems)
    check_analytics(graph, problems)
    check_vectors(graph, problems)
    check_event_sinks(graph, problems)
    check_recording(graph, problems)
    problems.raise_if_any(is_all=True)
    return graph


def find_graph(path: str | Path) -> Path:
    """Find a graph file: the path itself, else the shipped graph of that name.

    Raises:
        ConfigError: there is neither; the text names the nearest shipped graph.
    """
    return find_own_or_shipped(Path(path), "pipelines", "graph")


def _has_nodes(values: Mapping[str, Any]) -> bool:
    nodes = values.get("nodes")
    return isinstance(nodes, dict) and all(isinstance(node, dict) for node in nodes.values())


def _name_like(stem: str) -> str:
    """Make the name of a run from that of a file: People_2 becomes people-2."""
    words = re.findall("[a-z0-9]+", stem.lower())
    return "-".join(words)[:40].strip("-") or "graph"
