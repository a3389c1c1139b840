"""Tables of measurements: what is the fastest, and what is kept."""

from dataclasses import replace
from pathlib import Path

import pytest

from streamdet.errors import EngineError
from streamdet.models.measured_choice import (
    Candidate,
    ChoiceKey,
    Speed,
    fastest,
    keep,
    kept_by_processes,
    read_kept,
    table_text,
)

OV, OV_BF16, ORT = (
    Candidate("openvino", "fp32"),
    Candidate("openvino", "bf16"),
    Candidate("onnxruntime", "fp32"),
)
TABLE = {OV: Speed(126.4), OV_BF16: Speed(None, "it said nothing"), ORT: Speed(167.2)}
KEY = ChoiceKey("ab" * 32, "Xeon", "0123", 2, 2, 1, {"openvino": "1.0"}, "32x32")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def test_the_fastest_has_the_most_calls() -> None:
    assert fastest(TABLE) == ORT


def test_of_equal_ones_the_first_is_the_fastest() -> None:
    assert fastest({OV_BF16: Speed(5.0), OV: Speed(5.0)}) == OV_BF16


def test_nothing_is_the_fastest_of_failures() -> None:
    assert fastest({OV: Speed(None, "killed")}) is None


def test_the_text_is_sorted_and_names_failures() -> None:
    assert table_text(TABLE) == (
        "onnxruntime fp32 167/s, openvino fp32 126/s, openvino bf16 failed (it said nothing)"
    )


def test_a_slow_network_s_speed_keeps_two_places() -> None:
    assert table_text({OV: Speed(0.254)}) == "openvino fp32 0.25/s"


def test_what_is_kept_is_read_again() -> None:
    keep(KEY, TABLE)
    assert read_kept(KEY) == TABLE


@pytest.mark.parametrize(
    "change",
    [
        {"network_sha256": "cd" * 32},
        {"cpu": "Epyc"},
        {"cpu_flags": "4567"},
        {"cores": 4},
        {"processes": 1},
        {"threads": 2},
        {"versions": {"openvino": "1.1"}},
    ],
)
def test_another_key_has_nothing_kept(change: dict[str, object]) -> None:
    keep(KEY, TABLE)
    assert read_kept(replace(KEY, **change)) == {}  # type: ignore[arg-type]


@pytest.mark.parametrize("damaged", ["", "[]", "{}", '{"key": 1, "table": []}'])
def test_a_damaged_file_counts_as_none(damaged: str) -> None:
    keep(KEY, TABLE).write_text(damaged)
    assert read_kept(KEY) == {}
    assert kept_by_processes(KEY) == []


def test_what_is_kept_is_found_whatever_the_number_of_processes() -> None:
    keep(replace(KEY, processes=8), TABLE)
    keep(KEY, {OV: Speed(1.0)})
    keep(replace(KEY, cpu="Epyc"), TABLE)
    assert kept_by_processes(KEY) == [(2, {OV: Speed(1.0)}), (8, TABLE)]


def test_a_folder_that_cannot_be_made_is_an_error(cache: Path) -> None:
    (cache / "streamdet" / "models").mkdir(parents=True)
    (cache / "streamdet" / "models" / "measured").write_text("a file")
    with pytest.raises(EngineError, match="cannot be written"):
        keep(KEY, TABLE)
