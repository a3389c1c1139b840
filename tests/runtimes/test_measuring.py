"""Runtimes are measured in processes of their own; one that fails costs its result only."""

import time
from pathlib import Path

from streamdet.models.measured_choice import Candidate
from streamdet.runtimes import ImageInput
from streamdet.runtimes.measuring import STOPPED, Subject, measure
from tests.runtimes.tiny_network import write_batch_network, write_tiny_network

ORT, OV = Candidate("onnxruntime", "fp32"), Candidate("openvino", "fp32")
IMAGE = ImageInput(name="image", hw=(4, 6))


def test_every_process_of_every_candidate_counts(tmp_path: Path) -> None:
    subject = Subject(write_tiny_network(tmp_path), IMAGE, processes=2)
    table = measure(subject, [OV, ORT], budget_s=0.2)
    assert [*table] == [OV, ORT]
    assert all(speed.calls_per_s and speed.calls_per_s > 100 for speed in table.values())


def test_a_network_with_other_inputs_is_measured(tmp_path: Path) -> None:
    table = measure(Subject(write_batch_network(tmp_path), IMAGE), [OV, ORT], budget_s=0.1)
    assert all(speed.calls_per_s for speed in table.values()), table


def test_a_candidate_that_cannot_is_told_and_the_other_measured(tmp_path: Path) -> None:
    cannot = Candidate("onnxruntime", "bf16")
    table = measure(Subject(write_tiny_network(tmp_path), IMAGE), [cannot, ORT], budget_s=0.1)
    assert table[cannot].calls_per_s is None
    assert table[cannot].failure == (
        "precision bf16 was asked for, but onnxruntime runs fp32 on a CPU, or a file of int8"
    )
    assert table[ORT].calls_per_s


def test_a_runtime_that_takes_too_long_has_failed(tmp_path: Path) -> None:
    subject = Subject(write_tiny_network(tmp_path), IMAGE)
    table = measure(subject, [ORT], budget_s=0.1, limit_s=0.0)
    assert table[ORT].failure == "it did not load the network within 0 s"


def test_nobody_waits_for_what_is_not_wanted_any_more(tmp_path: Path) -> None:
    subject = Subject(write_tiny_network(tmp_path), IMAGE)
    started = time.monotonic()
    table = measure(subject, [ORT], budget_s=600.0, is_cancelled=lambda: True)
    assert table[ORT].failure == STOPPED
    assert time.monotonic() - started < 30
