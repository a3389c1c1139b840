"""What the README leaves to `--help`, and what it claims to list in full."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.cli import main
from streamdet.registry import KINDS

README = Path(__file__).parents[1] / "README.md"


def test_the_readme_names_every_kind() -> None:
    text = README.read_text()
    kinds = [kind for role, table in KINDS.items() if role != "runtime" for kind in table]
    assert [kind for kind in kinds if f"`{kind}`" not in text] == []


@pytest.mark.parametrize(("command", "said"), [("eval", "MOT's flag 0"), ("run", "KillMode=mixed")])
def test_help_says_what_the_readme_leaves_to_it(
    command: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"`streamdet {command} --help`" in README.read_text()
    assert main([command, "--help"]) == 0
    assert said in " ".join(capsys.readouterr().out.split())
