"""Whether the weights, runtimes, libraries and GPUs that a graph needs are on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from streamdet.building.recognition import check_own_network
from streamdet.detectors.parts.network import executed_file, gpu_kind, gpu_options
from streamdet.detectors.parts.options import NetworkOptions
from streamdet.detectors.parts.proposal_options import (
    ProposalOptions,
    make_proposer,
    proposing_model,
)
from streamdet.detectors.parts.runtime_choice import candidates
from streamdet.errors import ConfigError, EngineError, StreamdetError
from streamdet.graph import Node, PipelineGraph
from streamdet.models.built_network import find_network
from streamdet.models.model_config import ModelConfig, find_weights, load_model_config
from streamdet.runtimes.installed import how_to_install, is_installed, runtime_kind
from streamdet.sinks import kafka, mqtt, parquet
from streamdet.trackers.options import TrackerOptions
from streamdet.transport.cuda_device import check_device

_LIBRARIES: Final = {
    "parquet": parquet.missing_library,
    "mqtt": mqtt.missing_library,
    "kafka": kafka.missing_library,
}
"""Kind of sink -> what says how to get the package that it needs, where that is missing."""


def missing_parts(graph: PipelineGraph) -> Iterator[StreamdetError]:
    """Yield an error for each detector, tracker, sink or GPU that could not start here."""
    for check in _checks(graph):
        try:
            check()
        except StreamdetError as exc:
            yield exc


def _checks(graph: PipelineGraph) -> Iterator[Callable[[], None]]:
    yield from (partial(check_device, gpu) for gpu in graph.gpus)
    yield from (partial(_check_parts, node) for node in graph.nodes_of_role("detector"))
    yield from (partial(_check_tracker, node) for node in graph.nodes_of_role("tracker"))
    yield from (partial(_check_library, node) for node in graph.nodes_of_role("sink"))


def refuse_missing(graph: PipelineGraph) -> None:
    """Refuse a graph that could not start here, or that only an archive can run.

    Raises:
        StreamdetError: the first part that is missing.
    """
    for node in graph.nodes_of_role("tracker"):
        if isinstance(node.options, TrackerOptions) and node.options.finishing is not None:
            raise ConfigError(
                f"{graph.path}: {node.name}.offline needs all frames of a file, which a running"
                " pipeline does not have: use `streamdet archive`, or leave it out"
            )
    for missing in missing_parts(graph):
        raise missing


def _check_tracker(node: Node) -> None:
    if isinstance(node.options, TrackerOptions):
        try:
            node.options.check_parts()
        except StreamdetError as exc:
            raise type(exc)(f"{node.name}: {exc}") from exc


def _check_library(node: Node) -> None:
    if missing := _LIBRARIES.get(node.kind, str)():
        raise EngineError(f"{node.name}: {missing}")


def _check_parts(node: Node) -> None:
    if node.model is None:
        return
    if not isinstance(node.options, NetworkOptions):
        if node.model.weights is not None:
            find_weights(node.model)
        return
    check = _check_network if node.device == "cpu" else _check_on_gpu
    check(node.name, node.options, node.model)
    if isinstance(node.options, ProposalOptions):
        _check_proposals(node.name, node.options, node.model)


def _check_network(name: str, options: NetworkOptions, model: ModelConfig) -> None:
    network = find_network(model)
    if model.path is not None:
        check_own_network(model, network.path)
    candidate = candidates(options, model)[0]
    kind = candidate.runtime
    if not is_installed(kind):
        remedy = how_to_install(kind)
        raise EngineError(f"{name}.runtime is {kind}, which is not installed: {remedy}")
    if not runtime_kind(kind).precisions():
        raise EngineError(
            f"{name}.runtime is {kind}, which runs networks on a GPU only: say `device: cuda:0` at"
            f" {name!r}, or another runtime"
        )
    executed_file(candidate, model, network.path)


def _check_on_gpu(name: str, options: NetworkOptions, model: ModelConfig) -> None:
    network = find_network(model)
    try:
        gpu_kind(options).gpu_file(model, network.path, gpu_options(options))
    except EngineError as exc:
        raise EngineError(f"{name}.runtime is {options.runtime}: {exc}") from exc


def _check_proposals(name: str, options: ProposalOptions, model: ModelConfig) -> None:
    """Check that the proposals can be made, without loading a second network."""
    proposing = proposing_model(options, model)
    if proposing is None:
        make_proposer(options, model)
    else:
        _check_network(name, options, load_model_config(proposing))
