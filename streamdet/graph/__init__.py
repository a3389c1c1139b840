"""YAML -> checked graph; a worker and the supervisor see nothing of the file.

A file's way: `yaml_text` (text -> values and places) -> `overrides` (the command line) -> `draft`
(what every node may say) -> `shape` (what is joined to what) and `kinds` (options, sources,
models) -> `contents` (what fits together) -> `pipeline` (the graph, and what a runtime asks of it).
"""

from streamdet.graph.file import load_graph
from streamdet.graph.pipeline import Node, PipelineGraph, ProcessGroup

__all__ = ["Node", "PipelineGraph", "ProcessGroup", "load_graph"]
