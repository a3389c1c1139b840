"""Checks that need the options of several nodes, or those of one node and what it reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from streamdet.detectors.parts.network import image_hws
from streamdet.detectors.parts.options import DetectorOptions
from streamdet.detectors.pyramid import scaled_hw
from streamdet.graph.pipeline import Node
from streamdet.graph.problems import Problems
from streamdet.registry import load

_TEST_HW: Final = ((480, 640), (1080, 607))
"""Landscape and portrait test sizes: a transform with the same output for both has a fixed output
size."""


def check_contents(nodes: Mapping[str, Node], problems: Problems) -> None:
    """Report nodes whose options do not fit the nodes that they read or share a process with."""
    for node in nodes.values():
        if node.parallel > 1:
            _check_parallel(node, nodes, problems)
        if node.role == "transform":
            _check_resample(node, nodes, problems)
        if node.role == "detector":
            if not node.on_crops:
                _check_image(node, nodes, problems)
            _check_proposals(node, nodes, problems)


def _check_parallel(node: Node, nodes: Mapping[str, Node], problems: Problems) -> None:
    """Refuse a sink in each of several processes: they would write the same output."""
    members = (other for other in nodes.values() if other.process == node.process)
    if sinks := [other.name for other in members if other.role == "sink"]:
        sink = f"{sinks[0]!r} in its process is a sink, which one process writes"
        remedy = f"give {sinks[0]!r} another `process`"
        many = f"must be 1, got {node.parallel}"
        if node.is_live:
            many = f"must be that of one camera, got {node.parallel}, each a process"
        key = "process" if node.is_live else "parallel"
        problems.add(("nodes", node.name, key), f"{many}: {sink}; {remedy}")


def _check_resample(node: Node, nodes: Mapping[str, Node], problems: Problems) -> None:
    apart = [name for name in node.reads if nodes[name].process != node.process]
    if getattr(node.options, "resample", None) == "swscale" and apart:
        problems.add(
            ("nodes", node.name, "resample"),
            f"must be bilinear outside the process of {apart[0]!r}, got swscale, "
            "which works on the decoder's own memory",
        )


def _check_image(node: Node, nodes: Mapping[str, Node], problems: Problems) -> None:
    assert node.model is not None
    assert isinstance(node.options, DetectorOptions)
    scales = node.options.scales
    wanted = image_hws(load("detector", node.kind), node.model)
    for name in node.reads:
        transform = load("transform", nodes[name].kind)(nodes[name].options)
        for hw in _TEST_HW:
            made = transform.output_hw(hw)
            # One scale must be the network's size: detectors/pyramid.py cuts the others into tiles.
            seen = {made, *(scaled_hw(made, scale) for scale in scales)}
            if wanted and not seen & set(wanted):
                problems.add(
                    ("nodes", node.name, "reads"),
                    f"brings images of {_by(made)} from {name!r}, "
                    f"wanted {_by(wanted[0])}{_at(scales)}",
                )
                break


def _check_proposals(node: Node, nodes: Mapping[str, Node], problems: Problems) -> None:
    if getattr(node.options, "proposals", None) != "file":
        return
    if node.on_crops:
        problems.add(
            ("nodes", node.name, "proposals"),
            "must not be file: the file's proposals are of whole frames, and it looks at crops",
        )
        return
    sources = [nodes[source] for name in node.reads for source in nodes[name].reads]
    ids = [item.source_id for source in sources for item in source.items]
    if len(ids) > 1:
        listed = f"{', '.join(ids[:3])}{' ...' if len(ids) > 3 else ''}"
        problems.add(
            ("nodes", node.name, "proposals"),
            f"must not be file with {len(ids)} sources ({listed}): its frames are those of one",
        )


def _at(scales: tuple[float, ...]) -> str:
    return "" if scales == (1.0,) else f", as it is or at one of the scales {list(scales)}"


def _by(hw: tuple[int, int]) -> str:
    return f"{hw[0]}x{hw[1]} (height x width)"
