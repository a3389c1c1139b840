"""How `run` and `serve` end."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace

import pytest

from streamdet.commands.run_views import conclude
from tests.commands.test_views import REPORT, SOURCE


@pytest.mark.parametrize(
    ("outcome", "error", "code"),
    [("done", None, 0), ("done", "it is damaged", 1), ("failed", None, 1), ("stopped", None, 130)],
)
def test_a_run_whose_source_failed_has_failed(outcome: str, error: str | None, code: int) -> None:
    source = replace(SOURCE, error=error)
    report = replace(REPORT, outcome=outcome, sources=(source,), tracebacks=())
    assert conclude(report, Namespace(debug=False)) == code


def test_tracebacks_are_for_debugging(capsys: pytest.CaptureFixture[str]) -> None:
    report = replace(REPORT, tracebacks=("Traceback: here",))
    conclude(report, Namespace(debug=False))
    assert capsys.readouterr().err == ""
    conclude(report, Namespace(debug=True))
    assert capsys.readouterr().err == "Traceback: here\n"
