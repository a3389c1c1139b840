"""What the user leaves open is measured, within what the model's configuration allows."""

import os
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from streamdet.detectors.parts.options import NetworkOptions
from streamdet.detectors.parts.runtime_choice import (
    candidates,
    choice_key,
    choose_runtime,
    measure_again,
)
from streamdet.errors import EngineError
from streamdet.models.measured_choice import (
    Candidate,
    Speed,
    fastest,
    keep,
    measuring_alone,
    read_kept,
)
from streamdet.models.model_config import (
    ImageInput,
    ModelConfig,
    RuntimeConfig,
    cache_folder,
    load_model_config,
)
from streamdet.runtimes.cpu import has_bf16
from streamdet.runtimes.measuring import Subject
from tests.runtimes.tiny_network import write_tiny_network

BF16 = ["openvino bf16"] if has_bf16() else []


def model(**precisions: str) -> ModelConfig:
    runtimes = {
        kind: RuntimeConfig.model_validate({"precision": p}) for kind, p in precisions.items()
    }
    changes = {"runtimes": runtimes, "input": ImageInput(name="image", hw=(4, 6))}
    return load_model_config("yolox_nano").model_copy(update=changes)


def options(**stated: object) -> NetworkOptions:
    return NetworkOptions.model_validate({"model": "yolox_nano", **stated})


BOTH = model(openvino="auto", onnxruntime="fp32")
assert BOTH.input is not None
IMAGE = BOTH.input


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("stated", "allowed"),
    [
        ({}, ["openvino fp32", *BF16, "onnxruntime fp32"]),
        ({"precision": "auto"}, ["openvino fp32", *BF16, "onnxruntime fp32"]),
        ({"runtime": "openvino"}, ["openvino fp32", *BF16]),
        ({"runtime": "onnxruntime"}, ["onnxruntime fp32"]),
        ({"precision": "fp32"}, ["openvino fp32", "onnxruntime fp32"]),
        ({"precision": "bf16"}, ["openvino bf16"]),
        ({"runtime": "onnxruntime", "precision": "bf16"}, ["onnxruntime bf16"]),
    ],
)
def test_only_what_fits_the_options_is_a_candidate(
    stated: dict[str, str], allowed: list[str]
) -> None:
    assert [str(one) for one in candidates(options(**stated), BOTH)] == allowed


def test_auto_tries_no_precision_that_the_model_does_not_allow() -> None:
    exact = model(openvino="fp32", onnxruntime="fp32")
    for stated in (options(), options(precision="auto")):
        assert {one.precision for one in candidates(stated, exact)} == {"fp32"}


def test_a_stated_runtime_is_taken_even_if_the_model_does_not_name_it() -> None:
    [only] = candidates(options(runtime="onnxruntime"), model(openvino="bf16"))
    assert only == Candidate("onnxruntime", "fp32")


def test_no_installed_runtime_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("openvino", "onnxruntime"):
        monkeypatch.setitem(sys.modules, kind, None)
    with pytest.raises(EngineError, match=r"pip install -e '\.\[openvino\]' or '\.\["):
        candidates(options(), BOTH)


def test_one_candidate_is_not_measured(tmp_path: Path) -> None:
    stated = options(runtime="openvino", precision="fp32", threads=2)
    choice = choose_runtime(stated, BOTH, tmp_path / "need-not-exist.onnx")
    assert (str(choice.candidate), choice.options.threads, choice.note) == ("openvino fp32", 2, "")


def test_the_fastest_is_chosen_kept_and_told(tmp_path: Path) -> None:
    network = write_tiny_network(tmp_path)
    choice = measure_again(options(), BOTH, network, budget_s=0.1)
    assert set(choice.table) == set(candidates(options(), BOTH))
    assert choice.candidate == fastest(choice.table)
    assert choice.note.startswith(f" (measured: {choice.candidate} ")
    key = choice_key(candidates(options(), BOTH), Subject(network, IMAGE))
    assert read_kept(key) == choice.table


def test_what_is_kept_is_not_measured_again(tmp_path: Path) -> None:
    network = write_tiny_network(tmp_path)
    allowed = candidates(options(), BOTH)
    table = {one: Speed(1.0 + place) for place, one in enumerate(allowed)}
    keep(choice_key(allowed, Subject(network, IMAGE, processes=3)), table)
    choice = choose_runtime(options(), BOTH, network, processes=3)
    assert (choice.candidate, choice.table) == (allowed[-1], table)


def test_when_all_fail_the_error_says_why_each(tmp_path: Path) -> None:
    network = tmp_path / "none.onnx"
    network.write_bytes(b"no network")
    with pytest.raises(EngineError, match=r"no runtime can run .*openvino fp32 failed"):
        measure_again(options(precision="fp32"), BOTH, network, budget_s=0.1)


def test_what_is_kept_in_a_temporary_folder_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("a file in its place")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    network = write_tiny_network(tmp_path)
    first = measure_again(options(precision="fp32"), BOTH, network, budget_s=0.1)
    again = choose_runtime(options(precision="fp32"), BOTH, network)
    assert "cannot be written to: what is measured or built is kept in" in first.warning
    assert (again.table, again.warning) == (first.table, "")


def test_two_cold_starts_at_once_measure_once(tmp_path: Path) -> None:
    network = write_tiny_network(tmp_path)
    tables = []

    def start() -> None:
        tables.append(choose_runtime(options(precision="fp32"), BOTH, network).table)

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert tables[0] == tables[1]  # measured twice, no two results are alike


def test_a_start_that_waits_for_another_s_measurement_can_be_stopped(tmp_path: Path) -> None:
    network = write_tiny_network(tmp_path)
    with measuring_alone(lambda: False):
        choice = choose_runtime(options(), BOTH, network, is_cancelled=lambda: True)
    assert choice.note == ""


def test_a_runtime_that_crashes_is_shown_as_failed_and_the_other_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "openvino.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    choice = measure_again(
        options(precision="fp32"), BOTH, write_tiny_network(tmp_path), budget_s=0.1
    )
    assert str(choice.candidate) == "onnxruntime fp32"
    assert "openvino fp32 failed (the process was ended by SIGSEGV)" in choice.note


def test_when_it_is_cancelled_nothing_is_kept(tmp_path: Path) -> None:
    network = write_tiny_network(tmp_path)
    choice = choose_runtime(options(), BOTH, network, is_cancelled=lambda: True)
    assert (str(choice.candidate), choice.note) == ("openvino fp32", "")
    assert list(cache_folder().rglob("*.json")) == []
