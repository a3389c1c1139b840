"""A lower precision that costs more than its recipe allows is refused with the numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.config.files import shipped
from streamdet.errors import ConfigError
from streamdet.evaluation.images import find_images
from streamdet.evaluation.precision import Accuracy, Executed, average_precision, check_accuracy
from streamdet.evaluation.truths.coco import read_coco
from streamdet.models.model_config import load_model_config
from tests.runtimes.cpu_runtimes import CPU_RUNTIMES


def accuracy(lowered: float) -> Accuracy:
    return Accuracy(0.4, lowered, 66, "val.json", "onnxruntime 1.32")


def test_a_loss_within_the_tolerance_passes() -> None:
    check_accuracy(accuracy(0.391), "int8", 0.01)
    check_accuracy(accuracy(0.45), "int8", 0)


def test_a_larger_loss_is_refused_with_both_numbers() -> None:
    with pytest.raises(ConfigError) as caught:
        check_accuracy(accuracy(0.385), "int8", 0.01)
    assert str(caught.value) == (
        "int8 is refused, nothing is written: it costs 0.015 AP, the recipe allows 0.01: AP 0.385,"
        " fp32 has 0.400 (66 images of val.json, onnxruntime 1.32)"
    )


@pytest.mark.data
@pytest.mark.parametrize("runtime", CPU_RUNTIMES)
def test_average_precision_of_the_file_that_ships(data: Path, runtime: str) -> None:
    """What `streamdet eval model people` says of coco-mini: .399 on all 66 images."""
    people = load_model_config("people")
    folder = data / "datasets" / "coco-mini"
    truth = read_coco(folder / "val.json").of_classes(["person"])
    network = shipped("configs/models") / "people.onnx"
    images = find_images(truth, folder / "images")
    found, name = average_precision(people, Executed(network, runtime), truth, images)
    assert found == pytest.approx(0.399, abs=0.002)
    assert name.startswith(runtime)
