"""Writes a graph as Mermaid text, which GitHub and many editors show as an image."""

from __future__ import annotations

from streamdet.graph.pipeline import Node, PipelineGraph, ProcessGroup


def to_mermaid(graph: PipelineGraph) -> str:
    """Draw a graph from left to right; a process of several nodes is a box around them."""
    lines = ["flowchart LR"]
    for group in graph.groups:
        lines += _group_lines(group)
    for node in graph.nodes.values():
        lines += [f"    n_{read} --> n_{node.name}" for read in node.reads]
    return "\n".join(lines) + "\n"


def caption(node: Node) -> str:
    """Describe a node in a few words: kind, model, numbers of sources and replicas."""
    words = [node.kind]
    if node.model is not None and node.model.name != node.kind:
        words.append(node.model.name)
    if len(node.items) > 1:
        words.append(f"{len(node.items)} {'cameras' if node.is_live else 'sources'}")
    if node.parallel > 1 and not node.is_live:
        words.append(f"{node.parallel} at once")
    if node.device != "cpu":
        words.append(f"on {node.device}")
    if node.replicas > 1:
        words.append(f"x{node.replicas}")
    return ", ".join(words)


def _group_lines(group: ProcessGroup) -> list[str]:
    nodes = [
        f'    n_{n.name}["{_escaped(n.name)}<br/>{_escaped(caption(n))}"]' for n in group.nodes
    ]
    if len(nodes) == 1:
        return nodes
    title = f'    subgraph g_{group.name}["process {_escaped(group.name)}"]'
    return [title, *(f"    {line}" for line in nodes), "    end"]


def _escaped(text: str) -> str:
    """Escape the special characters of Mermaid and HTML as Mermaid's entities."""
    special = '#"&<>'
    return "".join(f"#{ord(char)};" if char in special else char for char in text)
