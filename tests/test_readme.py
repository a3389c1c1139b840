"""The README and the pages of docs/: their commands are valid, and they list what they claim to."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from streamdet.cli import main, make_parser
from streamdet.graph.draft import ROLES
from streamdet.registry import KINDS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands(page: Path) -> list[str]:
    """The lines of a page's shell blocks that call streamdet, with continued lines joined."""
    blocks = re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.M | re.S)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.startswith("streamdet ")]


def test_the_pages_have_commands() -> None:
    assert sum(len(commands(page)) for page in PAGES) > 20


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_is_accepted(page: Path) -> None:
    for line in commands(page):
        _, *arguments = shlex.split(line, comments=True)
        assert make_parser(arguments).parse_args(arguments).command == arguments[0]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_readme_is_two_screens() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 100


def test_the_pages_name_every_kind() -> None:
    text = "".join(page.read_text() for page in PAGES)
    kinds = [kind for role in ROLES for kind in KINDS[role]]
    assert [kind for kind in kinds if f"`{kind}`" not in text] == []


@pytest.mark.parametrize(
    ("command", "page", "said"),
    [("eval", "evaluation", "MOT's flag 0"), ("run", "promises", "KillMode=mixed")],
)
def test_help_says_what_a_page_leaves_to_it(
    command: str, page: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"`streamdet {command} --help`" in (ROOT / f"docs/{page}.md").read_text()
    assert main([command, "--help"]) == 0
    assert said in " ".join(capsys.readouterr().out.split())
