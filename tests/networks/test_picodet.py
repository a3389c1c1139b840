"""The PicoDet network is the published one, and its export is decoded by detectors/gfl.py."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from streamdet.building.export import export
from streamdet.networks.picodet import PicoDetNetwork, PicoDetOptions
from streamdet.training.recipe import Start
from streamdet.training.start_weights import give_start


def picodet(classes: int = 80, hw: tuple[int, int] = (416, 416)) -> PicoDetNetwork:
    return PicoDetNetwork(PicoDetOptions(), classes, hw).eval()


def test_s_has_the_published_number_of_parameters() -> None:
    assert sum(weight.numel() for weight in picodet().parameters()) == pytest.approx(
        0.99e6, rel=5e-3
    )


def test_there_is_a_row_for_each_cell() -> None:
    network = picodet(3, (64, 96))
    outputs = [*network(torch.zeros(2, 3, 64, 96)).values()]
    cells = [8 * 12, 4 * 6, 2 * 3, 1 * 2]  # of 64 pixels half a cell counts
    assert [tuple(each.shape) for each in outputs[:4]] == [(2, each, 3) for each in cells]
    assert [tuple(each.shape) for each in outputs[4:]] == [(2, each, 32) for each in cells]


def test_what_training_reads_is_what_a_run_reads() -> None:
    network, image = picodet(3, (64, 96)), torch.randn(1, 3, 64, 96)
    classes, sides = network.logits(image)
    outputs = [*network(image).values()]
    torch.testing.assert_close(classes.sigmoid(), torch.cat(outputs[:4], dim=1))
    torch.testing.assert_close(sides.flatten(2), torch.cat(outputs[4:], dim=1))


def test_scores_begin_low() -> None:
    classes, _ = picodet(3, (64, 96)).logits(torch.randn(1, 3, 64, 96))
    torch.testing.assert_close(classes.sigmoid().mean(), torch.tensor(0.01), rtol=0.2, atol=0)


def test_sides_that_the_backbone_does_not_divide_are_refused() -> None:
    with pytest.raises(ValueError, match=r"multiples of 32, got \(64, 100\)"):
        picodet(hw=(64, 100))


@pytest.fixture(scope="module")
def exported() -> tuple[PicoDetNetwork, bytes]:
    torch.manual_seed(0)
    network = picodet(3, (64, 64))
    return network, export(network, "image", (64, 64)).SerializeToString()


@pytest.mark.parametrize("hw", [(64, 64), (96, 160)])
@torch.inference_mode()
def test_its_file_computes_the_same_at_any_size(
    exported: tuple[PicoDetNetwork, bytes], hw: tuple[int, int]
) -> None:
    network, file = exported
    image = torch.randn(2, 3, *hw)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    found = session.run(None, {"image": image.numpy()})
    for output, wanted in zip(found, network(image).values(), strict=True):
        np.testing.assert_allclose(output, wanted.numpy(), atol=1e-4)


@pytest.mark.data
@torch.inference_mode()
def test_with_the_published_weights_it_gives_what_the_published_file_gives(data: Path) -> None:
    path = data / "weights" / "picodet_s_416.onnx"
    image = torch.randn(1, 3, 416, 416, generator=torch.Generator().manual_seed(0))
    network = picodet()
    [told] = give_start(network, Start(network=str(path)), None)
    assert told.endswith("has all weights of the network")
    options: Any = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # the file lists its weights as inputs, which is warned of
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_outputs()]
    outputs = network(image)
    assert [*outputs] == names
    for name, wanted in zip(names, session.run(None, {"image": image.numpy()}), strict=True):
        np.testing.assert_allclose(outputs[name].numpy(), wanted, rtol=1e-4, atol=1e-4)
