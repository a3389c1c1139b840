"""Unknown options, and the examples of --help."""

from __future__ import annotations

import shlex

import pytest

from streamdet.cli import COMMANDS, main, make_parser
from streamdet.commands.usage import EXAMPLES, OF_NODES


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("run people --model yolox_nano", "--set detect.model=NAME"),
        ("run people --conf=0.3", "--set detect.score_thresh=0.5"),
        ("run people --sorce a.mp4", "did you mean --source?"),
        ("run people --source -dash.mp4", "begins with - is written --source=-VALUE"),
        ("run people --zzz", "streamdet run --help lists the options"),
        ("doctor --model x", "streamdet doctor --help lists the options"),
    ],
)
def test_an_unknown_option_is_told_what_to_write(
    words: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split()) == 2
    assert hint in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_that_is_valid(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _, *arguments = shlex.split(EXAMPLES[command])
    assert make_parser(arguments).parse_args(arguments).command == command
    assert main([command, "--help"]) == 0
    assert f"Example:\n  {EXAMPLES[command]}\n" in capsys.readouterr().out


def test_the_options_of_nodes_are_forms_of_set() -> None:
    for form in OF_NODES.values():
        node, _, rest = form.partition(".")
        assert node in {"detect", "camera", "track"}
        assert "=" in rest
