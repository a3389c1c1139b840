"""The map for newcomers is whole, and in the order of the layers."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]


def mapped() -> list[str]:
    """Names of the map, from its top to its bottom."""
    text = (REPOSITORY / "CONTRIBUTING.md").read_text()
    lines = re.findall(r"^    (\S.*?)(?:  |$)", text.partition("## Add a")[0], re.M)
    return [name for line in lines for name in line.split()]


def test_the_map_names_every_folder() -> None:
    folders = {path.parent.name for path in REPOSITORY.glob("streamdet/*/__init__.py")}
    assert folders - {*mapped()} == set()


def test_the_map_s_folders_are_in_the_order_of_the_layers() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    ranks = {name: rank for rank, layer in enumerate(layers) for name in layer.split(" | ")}
    folders = {path.parent.name for path in REPOSITORY.glob("streamdet/*/__init__.py")}
    found = [ranks[name] for name in mapped() if name in folders]
    assert found == sorted(found)
