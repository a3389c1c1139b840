"""Whether the weights and runtimes of a graph's detectors are on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from streamdet.built_network import find_network
from streamdet.detectors.parts.options import NetworkOptions, choose_runtime
from streamdet.errors import EngineError, StreamdetError
from streamdet.graph import Node, PipelineGraph
from streamdet.model_config import find_weights


def missing_parts(graph: PipelineGraph) -> Iterator[StreamdetError]:
    """Yield an error for each detector that could not start here."""
    for node in graph.role("detector"):
        try:
            _check_parts(node)
        except StreamdetError as exc:
            yield exc


def _check_parts(node: Node) -> None:
    if node.model is None:
        return
    if not isinstance(node.options, NetworkOptions):
        if node.model.weights is not None:
            find_weights(node.model)
        return
    find_network(node.model)
    kind, _ = choose_runtime(node.options, node.model)
    if find_spec(kind) is None:
        raise EngineError(
            f"{node.name}.runtime is {kind}, which is not installed:"
            f" pip install 'streamdet[{kind}]'"
        )
