"""What docs/plugins.md prints is a package that works."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from streamdet.roles import WANTED
from tests.end_to_end.test_plugin import streamdet

PAGE = (Path(__file__).parents[1] / "docs" / "plugins.md").read_text()
FILES = {"python": "streamdet_tally.py", "toml": "pyproject.toml", "yaml": "tally.yaml"}
"""Language of a block -> the file that its heading names; the first block of each counts."""


def block(language: str) -> str:
    found = re.search(f"^```{language}\n(.*?)^```$", PAGE, re.M | re.S)
    assert found is not None
    return found[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the page's package installed, and its graph."""
    folder, source = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("tally")
    for language, name in FILES.items():
        assert f"`tally/{name}`" in PAGE
        (source / name).write_text(block(language))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(folder), str(source)], check=True, timeout=120)
    (folder / "tally.yaml").write_text(block("yaml"))
    return folder


def test_the_sink_of_the_page_runs(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "Writes how many objects" in streamdet(site, "kinds", "tally")
    streamdet(site, "check", str(site / "tally.yaml"))
    streamdet(site, "run", str(site / "tally.yaml"))
    lines = (tmp_path / "tally.txt").read_text().splitlines()
    assert [line.split()[:2] for line in lines] == [["street", str(n)] for n in range(12)]
    assert f"`{lines[0]}` and so on" in PAGE


def test_the_page_explains_every_part_of_a_sink() -> None:
    rows = re.findall(r"^\| `(\w+)", PAGE, re.M)
    parts = {"Options", "__init__", *WANTED["sink"].on_class}
    methods = {"restore", "write", "states", "committed", "finish", "close"}
    assert set(rows) == parts | methods
