"""Checks where nodes work: what a GPU can do, and that no image is copied unasked."""

from __future__ import annotations

from typing import Final

from streamdet.detectors.parts.network import gpu_kind
from streamdet.detectors.parts.options import NetworkOptions
from streamdet.errors import ConfigError
from streamdet.graph.pipeline import Node, PipelineGraph
from streamdet.graph.problems import Problems
from streamdet.registry import load

_WHY_NOT: Final = {
    "tracker": "it works on the CPU; one that looks at images gets them with `copy: true`",
    "analytics": "it works on the CPU; one that looks at images gets them with `copy: true`",
    "sink": "it writes on the CPU; one that shows images gets them with `copy: true`",
}
"""Roles that no GPU takes over, and why."""

_ON_GPU: Final = {
    "suppression": ("greedy",),
    "scales": ((1.0,),),
    "proposals": ("sliding", "file"),
}
"""Options of a detector whose other values want the image's pixels or all candidates on the CPU."""


def check_devices(graph: PipelineGraph, problems: Problems) -> None:
    """Report nodes that cannot work where they should, and copies that nobody asked for."""
    for node in graph.nodes.values():
        if node.device != "cpu":
            _check_device(node, problems)
            _check_one_gpu(node, graph, problems)
        for reader in graph.image_readers(node.name):
            _check_edge(node, reader, problems)


def _check_device(node: Node, problems: Problems) -> None:
    path = ("nodes", node.name, "device")
    if (why := _WHY_NOT.get(node.role)) and not _draws(node):
        problems.add(path, f"must be cpu, got {node.device}: {why}")
    elif node.role == "transform" and not hasattr(load("transform", node.kind), "launches"):
        problems.add(path, f"must be cpu, got {node.device}: kind {node.kind} has no kernels")
    elif node.role == "detector":
        _check_detector(node, problems)
    elif getattr(node.options, "resample", "bilinear") != "bilinear":
        problems.add(
            ("nodes", node.name, "resample"), f"must be bilinear on {node.device}, got swscale"
        )


def _draws(node: Node) -> bool:
    return node.role == "sink" and getattr(load("sink", node.kind), "draws_on_gpu", False)


def _check_detector(node: Node, problems: Problems) -> None:
    """Report what keeps a detector from a GPU."""
    assert node.model is not None
    here = ("nodes", node.name)
    if not getattr(load("detector", node.model.detector), "runs_on_gpu", False):
        problems.add(
            (*here, "device"),
            f"must be cpu, got {node.device}: detector {node.model.detector} of model"
            f" {node.model.name!r} has no kernels; with `copy: true` it gets its images on the CPU",
        )
        return
    assert isinstance(node.options, NetworkOptions)
    try:
        gpu_kind(node.options)
    except ConfigError as exc:
        problems.add((*here, "runtime"), str(exc))
    for key, wanted in _ON_GPU.items():
        value = getattr(node.options, key, wanted[0])
        if value not in wanted:
            words = " or ".join(map(_written, wanted))
            problems.add((*here, key), f"must be {words} on {node.device}, got {_written(value)}")


def _check_one_gpu(node: Node, graph: PipelineGraph, problems: Problems) -> None:
    first = next(other for other in graph.nodes.values() if other.device != "cpu")
    if node.device != first.device:
        problems.add(
            ("nodes", node.name, "device"),
            f"must be {first.device}, as at {first.name!r}, got {node.device}: a graph works on one"
            " GPU; start a run for each",
        )


def _check_edge(maker: Node, reader: Node, problems: Problems) -> None:
    if maker.device == reader.device or reader.copies or "cpu" not in (maker.device, reader.device):
        return
    problems.add(
        ("nodes", reader.name, "reads"),
        f"brings images of {maker.name!r}, which lie on {_spoken(maker.device)}, to"
        f" {_spoken(reader.device)}: say `copy: true` at {reader.name!r} to have each one copied"
        + (f", or `device: {maker.device}`" if reader.role == "transform" else ""),
    )


def _written(value: object) -> str:
    return str(list(value) if isinstance(value, tuple) else value)


def _spoken(device: str) -> str:
    return "the CPU" if device == "cpu" else device
