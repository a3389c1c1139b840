"""A camera that joins a running graph, checked as if it stood in the graph's file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from streamdet.config.yaml_loader import YamlText, parse_yaml
from streamdet.errors import ConfigError
from streamdet.graph.draft import DraftNode, NodeKeys
from streamdet.graph.pipeline import Node
from streamdet.graph.problems import Problems
from streamdet.graph.source_items import build_source
from streamdet.sources.resolve import SourceItem


def added_camera(
    node: Node,
    name: str,
    values: Mapping[str, Any],
    taken: Mapping[str, str],
    environ: Mapping[str, str],
) -> SourceItem:
    """Check a camera and make its item.

    Args:
        node: the node of live sources that it joins; its options hold for it, too.
        name: of the camera.
        values: its `uri` and options of its own, as they would be written in the graph's file.
        taken: source id -> node, of the run's other sources.
        environ: where `${NAME}` is looked up.

    Raises:
        ConfigError: the name or a value is wrong, in a sentence without secrets.
    """
    place = f"camera {name}"
    text = YamlText(place, {"nodes": {node.name: {"cameras": {name: {}}}}})
    camera = _parsed(values, place, environ)
    text.values["nodes"][node.name]["cameras"][name] = camera.values
    text.include(("nodes", node.name, "cameras", name), camera)
    text.places = dict.fromkeys(text.places, place)
    options = node.options.model_dump(exclude_unset=True)
    options |= {"cameras": text.values["nodes"][node.name]["cameras"]}
    draft = DraftNode(node.name, "source", "live", (), NodeKeys(kind="live"), options)
    problems = Problems(text)
    _, items, _ = build_source(draft, text, problems, taken)
    problems.raise_if_any(is_all=True)
    return replace(items[0], is_stated=False)


def _parsed(values: Mapping[str, Any], place: str, environ: Mapping[str, str]) -> YamlText:
    """Parse the values as YAML, of which JSON is a part: so `${NAME}` is replaced, too."""
    try:
        return parse_yaml(json.dumps(values), place, environ)
    except ConfigError as exc:
        raise ConfigError(str(exc).replace(f"{place}:1: ", f"{place}: ", 1)) from exc
