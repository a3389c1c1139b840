"""Graph files for tests, and what is said of wrong ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from streamdet.errors import ConfigError
from streamdet.graph import PipelineGraph, load_graph

PEOPLE = """\
version: 1
name: people
nodes:
  camera: {kind: source, uri: "synthetic:street", process: front}
  prepare: {kind: transform, reads: camera, process: front}
  detect: {kind: detector, reads: prepare, model: hog_people, classes: [person]}
  track: {kind: byte_track, reads: detect, process: back}
  publish: {kind: redis_stream, reads: track, process: back}
"""


def people(**lines: str) -> str:
    """PEOPLE with other lines for some nodes ("" takes one away), and more nodes."""
    text = PEOPLE
    for name, line in lines.items():
        new = f"  {name}: {{{line}}}\n" if line else ""
        old = next((row for row in text.splitlines(True) if row.startswith(f"  {name}:")), None)
        text = text + new if old is None else text.replace(old, new)
    return text


def load_text(
    text: str,
    folder: Path,
    *,
    sources: Sequence[str] = (),
    outputs: Sequence[str] = (),
    overrides: Sequence[str] = (),
) -> PipelineGraph:
    """Load a graph from text; the file is called g.yaml."""
    path = folder / "g.yaml"
    path.write_text(text)
    return load_graph(path, sources=sources, outputs=outputs, overrides=overrides, environ={})


def faults(text: str, folder: Path, **command_line: Sequence[str]) -> list[str]:
    """Load a wrong graph and return its sentences, without the folder's name."""
    with pytest.raises(ConfigError) as caught:
        load_text(text, folder, **command_line)
    return str(caught.value).replace(f"{folder}/", "").splitlines()
