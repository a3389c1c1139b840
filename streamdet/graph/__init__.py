"""YAML -> checked graph; the supervisor and the workers only see the graph.

A file goes through these modules in order: config/yaml_loader.py (text -> values and their lines),
`overrides` (the command line), `draft` (the keys that every node may have), `topology` (which node
reads which), `build_nodes` (options, sources, models), `contents` (options that must fit each
other), `thresholds` (of trackers and their detectors), `pipeline` (the checked graph and queries on
it), `devices` (what lies on which GPU), `outputs` (the files that a run writes).
"""

from streamdet.graph.file import load_graph
from streamdet.graph.pipeline import Node, PipelineGraph, ProcessGroup

__all__ = ["Node", "PipelineGraph", "ProcessGroup", "load_graph"]
