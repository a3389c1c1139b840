"""The map for newcomers is whole and in the order of the layers; tests patch no name of ours."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

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


def patched_names(source: str) -> Iterator[str]:
    """Find what a test patches: `monkeypatch.setattr(name, ...)` and its like.

    Modules of other packages are the environment. All else is ours: what is imported from us, and
    what a test has made itself.
    """
    tree = ast.parse(source)
    others = {
        (alias.asname or alias.name).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
        if not is_ours(node.module or "" if isinstance(node, ast.ImportFrom) else alias.name)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="setattr" | "delattr"), args=[target, *_]):
                name = ast.unparse(target)
                is_text, root = name[0] in "'\"", re.split(r"[.(\[]", name.strip("'\""))[0]
                if is_ours(root) if is_text else root not in others:
                    yield name
            case ast.Call(func=ast.Attribute(attr="setitem"), args=[_, ast.Constant(value=key), _]):
                if is_ours(key):
                    yield ast.unparse(node.args[1])
            case ast.ImportFrom(module=str(module)) if module.startswith("unittest"):
                yield module


def is_ours(module: object) -> bool:
    return str(module).partition(".")[0] in {"streamdet", "tests", "benchmarks"}


def test_no_test_patches_a_name_of_ours() -> None:
    tests = REPOSITORY / "tests"
    found = {
        str(path.relative_to(tests)): names
        for path in tests.rglob("*.py")
        if (names := [*patched_names(path.read_text())])
    }
    assert found == {}


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("import os\nmonkeypatch.setattr(os, 'kill', f)", []),
        ("from pathlib import Path\npatch.setattr(Path, 'open', f)", []),
        ("monkeypatch.setattr('time.monotonic', f)", []),
        ("from streamdet.bench import hop\nmonkeypatch.setattr(hop, 'HOPS', 1)", ["hop"]),
        ("monkeypatch.setattr(rig.processes, '_settings', 1)", ["rig.processes"]),
        ("monkeypatch.delattr('streamdet.commands.label.run')", ["'streamdet.commands.label.run'"]),
        ("monkeypatch.setitem(sys.modules, 'torch', None)", []),
        ("monkeypatch.setitem(sys.modules, 'streamdet.graph', None)", ["'streamdet.graph'"]),
        ("from unittest.mock import patch", ["unittest.mock"]),
    ],
)
def test_a_patch_of_ours_is_told_from_one_of_the_environment(line: str, names: list[str]) -> None:
    assert [*patched_names(line)] == names
