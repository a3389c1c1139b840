"""`streamdet bench`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from streamdet import cli
from streamdet.bench.metrics import Aim, Metric, Outcome
from streamdet.commands import bench


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of test data, and two benches: `good` reaches its aim, `bad` does not."""
    (tmp_path / "videos").mkdir()
    for name, value in (("good", 3.0), ("bad", 1.0)):
        outcome = Outcome([Metric("speed", value, "", Aim(">=", 2))])
        module = SimpleNamespace(run=lambda material, outcome=outcome: outcome)
        monkeypatch.setitem(sys.modules, f"streamdet.bench.{name}", module)
    monkeypatch.setattr(
        bench,
        "BENCHES",
        {"good": ("streamdet.bench.good:run", "a"), "bad": ("streamdet.bench.bad:run", "b")},
    )
    monkeypatch.setattr(bench, "wait_until_quiet", lambda: 0.0)
    return tmp_path


def test_a_reached_aim_is_exit_code_0(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "good", "--data", str(folder)]) == 0
    assert "reached" in capsys.readouterr().out


def test_a_missed_aim_is_exit_code_1_and_all_is_written(folder: Path) -> None:
    path = folder / "all.json"
    arguments = ["bench", "bad", "good", "--data", str(folder), "--json", str(path)]
    assert cli.main(arguments) == 1
    benches = json.loads(path.read_text())["benches"]
    assert {name: one["reached"] for name, one in benches.items()} == {"bad": False, "good": True}


def test_a_folder_that_is_not_there_is_bad_usage(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(folder / "no" / "all.json")
    assert cli.main(["bench", "good", "--data", str(folder), "--json", missing]) == 2
    assert "--json: there is no folder" in capsys.readouterr().err


def test_every_bench_can_be_found() -> None:
    for name in bench.BENCHES:
        assert callable(bench.find_bench(bench.BENCHES[name][0]))
