"""Chooses the runtimes of a graph's networks before its workers start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from streamdet.detectors.parts.options import NetworkOptions
from streamdet.detectors.parts.runtime_choice import RuntimeChoice, choose_runtime
from streamdet.errors import ConfigError
from streamdet.graph.pipeline import Node, PipelineGraph
from streamdet.models.built_network import find_network
from streamdet.models.input_size import area, at_size, used_hws


@dataclass(frozen=True, slots=True)
class ChosenRuntimes:
    """A graph whose runtimes are all chosen.

    Attributes:
        graph: its detectors state their runtime and precision.
        notes: node -> text for the report after the name of its runtime.
        warnings: a sentence for each choice that could not be saved.
    """

    graph: PipelineGraph
    notes: dict[str, str]
    warnings: tuple[str, ...]


def choose_runtimes(graph: PipelineGraph, is_cancelled: Callable[[], bool]) -> ChosenRuntimes:
    """Choose for each detector with a network; measure where no choice is saved.

    All replicas of a detector use the same runtime. One whose network has several sizes uses that
    which is the fastest at the largest of them.

    A network that is missing or damaged is left to the worker, which says why it cannot start.

    Args:
        graph: the graph.
        is_cancelled: asked now and then whether the run was stopped before its start.

    Raises:
        EngineError: no runtime is installed that can run a network.
    """
    choices: dict[str, RuntimeChoice] = {}
    for node in graph.nodes_of_role("detector"):
        choice = _choice(node, graph.group_of(node.name).replicas, is_cancelled)
        if choice is not None:
            choices[node.name] = choice
    nodes = {name: _fixed(node, choices.get(name)) for name, node in graph.nodes.items()}
    return ChosenRuntimes(
        graph=replace(graph, nodes=nodes),
        notes={name: choice.note for name, choice in choices.items()},
        warnings=tuple(dict.fromkeys(one.warning for one in choices.values() if one.warning)),
    )


def _choice(node: Node, processes: int, is_cancelled: Callable[[], bool]) -> RuntimeChoice | None:
    if not isinstance(node.options, NetworkOptions) or node.model is None:
        return None
    if node.model.input is None or node.device != "cpu":  # on a GPU the graph states it
        return None
    try:
        network = find_network(node.model)
    except ConfigError:
        return None
    largest = at_size(node.model, max(used_hws(node.model), key=area))
    return choose_runtime(node.options, largest, network.path, processes, is_cancelled)


def measured_speed(graph: PipelineGraph, node: Node, is_cancelled: Callable[[], bool]) -> float:
    """Measure how many images a second all processes of a detector see, at its model's own size.

    Where the run was stopped, or the network is missing, as the worker will say: 1.

    Raises:
        EngineError: no runtime is installed, or each one failed.
    """
    assert isinstance(node.options, NetworkOptions)
    assert node.model is not None
    try:
        network = find_network(node.model)
    except ConfigError:
        return 1.0
    processes = graph.group_of(node.name).replicas
    choice = choose_runtime(
        *(node.options, node.model, network.path, processes, is_cancelled), is_measured=True
    )
    speed = choice.table.get(choice.candidate)
    return 1.0 if speed is None or speed.calls_per_s is None else speed.calls_per_s


def _fixed(node: Node, choice: RuntimeChoice | None) -> Node:
    if choice is None:
        return node
    stated = {"runtime": choice.candidate.runtime, "precision": choice.candidate.precision}
    return replace(node, options=node.options.model_copy(update=stated))
