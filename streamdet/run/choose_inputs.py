"""Chooses the input sizes of a graph's networks by its sources, before its workers start.

`input: auto` has left each detector the sizes that its budget allows (see models/input_size.py).
Here go those that are too slow for cameras, and those that no source needs. Which of the rest an
image is shown at, its transform decides by its resolution.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from streamdet.detectors.parts.options import NetworkOptions
from streamdet.graph.pipeline import Node, PipelineGraph
from streamdet.models.input_size import SizeChoice, area, choice_of, hw_text, limited
from streamdet.models.model_config import Hw
from streamdet.sources import SourceInfo

USUAL_RATE: Final = 25.0
"""Frames per second of a source that states no `fps`."""
USUAL_HW: Final = (1080, 1920)
"""Height and width of a camera that has not been seen yet."""
LOAD: Final = 0.8
"""Share of a detector's time that its cameras may take: rates vary, and so does the machine."""

SpeedOf = Callable[[Node], float]
"""Tells how many images a second all processes of a detector see at its model's own size."""


@dataclass(frozen=True, slots=True)
class ChosenInputs:
    """A graph whose networks have only the sizes that they need.

    Attributes:
        graph: its detectors and their transforms state these sizes.
        notes: detector -> its sizes, and why, for the report; those with a choice only.
    """

    graph: PipelineGraph
    notes: dict[str, str]


def choose_inputs(
    graph: PipelineGraph, infos: Mapping[str, SourceInfo], speed_of: SpeedOf
) -> ChosenInputs:
    """Choose for each detector whose model has several sizes.

    Args:
        graph: the graph.
        infos: source id -> what is known of it; of cameras that is nothing.
        speed_of: asked for detectors that have to keep up with their sources.

    Raises:
        EngineError: as `speed_of` does.
    """
    notes: dict[str, str] = {}
    nodes = dict(graph.nodes)
    made: dict[str, SizeChoice] = {}  # by transform: detectors that share one see the same images
    for node in graph.nodes_of_role("detector"):
        choice = None if node.model is None else choice_of(node.model)
        if choice is None or node.on_crops:  # each crop's own size chooses, in its stage
            continue
        affordable, reason = _affordable(graph, node, choice, infos, speed_of)
        needed = _needed(graph, node, affordable, infos)
        needed = next((made[name] for name in node.reads if name in made), needed)
        made |= dict.fromkeys(node.reads, needed)
        notes[node.name] = f"input {_needed_text(graph, node, needed, infos)} ({reason})"
        assert node.model is not None
        nodes[node.name] = replace(node, model=limited(node.model, needed))
        for name in node.reads:
            nodes[name] = _transform(nodes[name], needed)
    return ChosenInputs(replace(graph, nodes=nodes), notes)


def _affordable(
    graph: PipelineGraph,
    node: Node,
    choice: SizeChoice,
    infos: Mapping[str, SourceInfo],
    speed_of: SpeedOf,
) -> tuple[SizeChoice, str]:
    """Leave out sizes that do not keep up; returns the reason for the rest, too."""
    assert isinstance(node.options, NetworkOptions)
    budget = node.options.budget
    sources = list(_sources(graph, node))
    if budget == "auto":
        budget = "realtime" if any(source.is_live for source, _ in sources) else "balanced"
    share = "all" if choice.enough >= 1 else f"{choice.enough:.0%}"
    reason = f"budget {budget}: {share} of a source's resolution is wanted"
    if budget != "realtime":
        return choice, reason
    if node.device != "cpu":
        assert node.model is not None
        assert node.model.input is not None
        return replace(choice, hws=(node.model.input.hw,)), (
            f"budget {budget}: the model's own, since nothing is measured on a GPU; `input` sets it"
        )
    wanted = [(_rate(source), _hw(infos.get(name))) for source, name in sources]
    assert node.model is not None
    assert node.model.input is not None
    speed, own = speed_of(node), node.model.input.hw
    for most in sorted({area(hw) for hw in choice.hws}, reverse=True):
        fitting = replace(choice, hws=tuple(hw for hw in choice.hws if area(hw) <= most))
        load = sum(rate * area(fitting.hw_for(hw)) for rate, hw in wanted) / area(own) / speed
        if load <= LOAD:
            break
    rate = sum(rate for rate, _ in wanted)
    return fitting, (
        f"{reason}; {rate:g} frames a second are wanted, {speed:.0f} were measured at"
        f" {hw_text(own)}"
    )


def _needed(
    graph: PipelineGraph, node: Node, choice: SizeChoice, infos: Mapping[str, SourceInfo]
) -> SizeChoice:
    """Leave out sizes that no source needs, if all are known: a video's frames are of one size."""
    sources = list(_sources(graph, node))
    if any(source.kind == "images" or name not in infos for source, name in sources):
        return choice
    hws = dict.fromkeys(choice.hw_for(infos[name].hw) for _, name in sources)
    return replace(choice, hws=tuple(sorted(hws, key=area)))


def _needed_text(
    graph: PipelineGraph, node: Node, needed: SizeChoice, infos: Mapping[str, SourceInfo]
) -> str:
    """Say which sizes are used for sources of which size: 544x960 for 1080x1920."""
    seen: dict[Hw, dict[Hw, None]] = {}
    for source, name in _sources(graph, node):
        if name in infos and source.kind != "images":
            hw = infos[name].hw
            seen.setdefault(needed.hw_for(hw), {})[hw] = None
    known = [f"{hw_text(hw)} for {', '.join(map(hw_text, of))}" for hw, of in seen.items()]
    if not known and len(needed.hws) == 1:
        return hw_text(needed.hws[0])
    if len(seen) < len(needed.hws):
        known.append(f"as images come: {', '.join(map(hw_text, needed.hws))}")
    return "; ".join(known)


def _sources(graph: PipelineGraph, node: Node) -> Iterator[tuple[Node, str]]:
    """The source nodes whose frames reach a node, each with its items' ids."""
    reaching = set(graph.sources_reaching(node.name))
    for source in graph.nodes_of_role("source"):
        for item in source.items:
            if item.source_id in reaching:
                yield source, item.source_id


def _transform(node: Node, needed: SizeChoice) -> Node:
    """Give a transform the sizes of the detector that reads it, unless it states its own."""
    if not getattr(node.options, "sizes", ()):
        return node
    sizes = () if len(needed.hws) == 1 else needed.hws
    update = {"hw": needed.hws[0], "sizes": sizes, "enough": needed.enough}
    return replace(node, options=node.options.model_copy(update=update))


def _rate(source: Node) -> float:
    stated: float | None = getattr(source.options, "fps", None)
    return USUAL_RATE / getattr(source.options, "every", 1) if stated is None else stated


def _hw(info: SourceInfo | None) -> Hw:
    return USUAL_HW if info is None else info.hw
