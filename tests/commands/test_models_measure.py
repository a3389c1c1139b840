"""`streamdet models measure`."""

from pathlib import Path

import pytest

from streamdet.cli import main
from streamdet.models.model_config import cache_folder


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_the_table_is_printed_and_kept(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "measure", "people", "--processes", "1"]) == 0
    first, *rows = capsys.readouterr().out.splitlines()
    assert first == "people at 352x416, 1 process of 1 thread"
    assert {" ".join(row.split()[:2]) for row in rows} >= {"openvino fp32", "onnxruntime fp32"}
    assert [row.endswith("  chosen") for row in rows] == [True, *[False] * (len(rows) - 1)]
    assert len([*(cache_folder() / "measured").glob("*.json")]) == 1


def test_a_size_that_the_network_does_not_take_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["models", "measure", "people", "--input", "540x960"]) == 2
    assert "multiples of 32" in capsys.readouterr().err


def test_a_model_without_a_network_has_nothing_to_measure(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["models", "measure", "hog_people"]) == 2
    assert "'hog_people' has nothing to measure" in capsys.readouterr().err


def test_no_process_at_all_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "measure", "people", "--processes", "0"]) == 2
    assert "must be a whole number from 1 to 256, got '0'" in capsys.readouterr().err
