"""`streamdet bench`."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path

import pytest

from streamdet.commands import bench
from streamdet.errors import ConfigError
from tests.commands.toy_benches import BENCHES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of test data."""
    (tmp_path / "videos").mkdir()
    return tmp_path


def measure(folder: Path, *arguments: str) -> int:
    parser = ArgumentParser()
    bench.add_bench_arguments(parser, BENCHES)
    args = parser.parse_args([*arguments, "--data", str(folder)])
    return bench.run_benches(args, BENCHES, quiet_s=0)


def test_a_reached_aim_is_exit_code_0(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert measure(folder, "good") == 0
    assert "reached" in capsys.readouterr().out


def test_a_missed_aim_is_exit_code_1_and_all_is_written(folder: Path) -> None:
    path = folder / "all.json"
    assert measure(folder, "bad", "good", "--json", str(path)) == 1
    benches = json.loads(path.read_text())["benches"]
    assert {name: one["reached"] for name, one in benches.items()} == {"bad": False, "good": True}


def test_a_place_that_cannot_be_written_is_bad_usage(folder: Path) -> None:
    with pytest.raises(ConfigError, match="it is a folder, wanted a file"):
        measure(folder, "good", "--json", str(folder))


def test_the_folder_of_the_results_is_made(folder: Path) -> None:
    path = folder / "no" / "all.json"
    assert measure(folder, "good", "--json", str(path)) == 0
    assert json.loads(path.read_text())["benches"]["good"]["reached"]


def test_every_bench_can_be_found() -> None:
    for name in bench.BENCHES:
        assert callable(bench.find_bench(bench.BENCHES[name][0]))
