"""The README and the pages of docs/: their commands are valid, and they list what they claim to."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from streamdet.cli import main, make_parser
from streamdet.formats.object_rows import COLUMNS
from streamdet.graph.draft import ROLES
from streamdet.graph.overrides import OUTPUT_FORMATS, OUTPUT_KINDS
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
def test_no_page_installs_a_package_of_this_name_from_an_index(page: Path) -> None:
    assert re.findall(r"pip install [^-\n`]*streamdet\b(?!/)", page.read_text()) == []


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


def test_the_pages_and_helps_list_the_same_outputs(capsys: pytest.CaptureFixture[str]) -> None:
    for page in ("README.md", "docs/commands.md", "docs/outputs.md"):
        text = (ROOT / page).read_text()
        missing = [end for end in OUTPUT_KINDS if not re.search(rf"[` (]{re.escape(end)}\b", text)]
        assert missing == [], page
    for command in ("run", "check", "graph"):
        main([command, "--help"])
        assert OUTPUT_FORMATS in " ".join(capsys.readouterr().out.split())


def test_only_run_promises_to_overwrite_an_output(capsys: pytest.CaptureFixture[str]) -> None:
    main(["run", "--help"])
    assert "overwritten" in capsys.readouterr().out
    main(["check", "--help"])
    assert "overwritten" not in capsys.readouterr().out


def test_the_page_of_outputs_has_the_columns_of_the_table() -> None:
    table = (ROOT / "docs" / "outputs.md").read_text().partition("## The columns")[2]
    rows = re.findall(r"^\| (`.*?`) \| (\w+) \|", table, re.M)
    columns = [(name, type_) for names, type_ in rows for name in re.findall("`(\\w+)`", names)]
    assert columns == list(COLUMNS.items())


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
