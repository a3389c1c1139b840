"""What every runtime promises, whatever its kind."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from streamdet.errors import EngineError
from streamdet.image import Pixels
from streamdet.registry import load
from streamdet.runtimes import ImageInput, Runtime, RuntimeOptions
from streamdet.runtimes.installed import is_installed, package_version, runtime_kind
from tests.runtimes.cpu_runtimes import CPU_RUNTIMES
from tests.runtimes.tiny_network import write_batch_network, write_tiny_network

HW = (4, 6)
every_kind = pytest.mark.parametrize("kind", CPU_RUNTIMES)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_network(tmp_path_factory.mktemp("network"), HW)


def started(kind: str, network: Path, **image_input: Any) -> Runtime:
    wanted = ImageInput(name="image", hw=HW, **image_input)
    runtime: Runtime = load("runtime", kind)(network, wanted, RuntimeOptions())
    return runtime


@every_kind
def test_it_says_what_it_needs_and_can(kind: str) -> None:
    assert is_installed(kind)
    assert package_version(kind) != "unknown"
    assert runtime_kind(kind).precisions()[0] == "fp32"


def noise(seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (*HW, 3), dtype=np.uint8)


@every_kind
def test_the_network_sees_bgr_planes(kind: str, network: Path) -> None:
    [outputs] = started(kind, network)([noise()])
    np.testing.assert_array_equal(outputs["seen"][0], noise().transpose(2, 0, 1))


@every_kind
def test_the_network_sees_normalised_rgb_planes(kind: str, network: Path) -> None:
    mean, std = (10.0, 20.0, 30.0), (2.0, 4.0, 8.0)
    [outputs] = started(kind, network, colour="rgb", mean=mean, std=std)([noise()])
    wanted = (noise()[..., ::-1].astype(np.float32) - mean) / std
    np.testing.assert_allclose(outputs["seen"][0], wanted.transpose(2, 0, 1), atol=1e-5)


@every_kind
def test_outputs_come_by_name_as_float32(kind: str, network: Path) -> None:
    [outputs] = started(kind, network)([np.ones((*HW, 3), dtype=np.uint8)])
    assert list(outputs) == ["seen", "sums"]
    assert {output.dtype for output in outputs.values()} == {np.dtype(np.float32)}
    assert outputs["sums"].tolist() == [[24.0, 24.0, 24.0]]  # 4 x 6 ones


@every_kind
def test_each_image_keeps_its_own_outputs(kind: str, network: Path) -> None:
    first, second = started(kind, network)([noise(1), noise(2)])
    np.testing.assert_array_equal(first["seen"][0], noise(1).transpose(2, 0, 1))
    np.testing.assert_array_equal(second["seen"][0], noise(2).transpose(2, 0, 1))


@every_kind
def test_no_image_gives_no_output(kind: str, network: Path) -> None:
    assert started(kind, network)([]) == []


@every_kind
def test_an_image_may_be_a_view_or_read_only(kind: str, network: Path) -> None:
    wide = np.zeros((HW[0], HW[1] + 5, 3), dtype=np.uint8)
    wide[:, : HW[1]] = noise()
    wide.flags.writeable = False
    [outputs] = started(kind, network)([wide[:, : HW[1]]])
    np.testing.assert_array_equal(outputs["seen"][0], noise().transpose(2, 0, 1))
    frozen = noise()
    frozen.flags.writeable = False
    [outputs] = started(kind, network)([frozen])
    np.testing.assert_array_equal(outputs["seen"][0], noise().transpose(2, 0, 1))


@every_kind
def test_an_image_of_another_size_is_refused(kind: str, network: Path) -> None:
    with pytest.raises(EngineError, match=r"image must be \(4, 6, 3\), got \(6, 4, 3\)"):
        started(kind, network)([np.zeros((6, 4, 3), dtype=np.uint8)])


@every_kind
def test_the_name_says_what_really_runs(kind: str, network: Path) -> None:
    wanted = ImageInput(name="image", hw=HW)
    runtime = load("runtime", kind)(network, wanted, RuntimeOptions(threads=2))
    assert runtime.name.startswith(f"{kind} ")
    assert runtime.name.endswith(" fp32, 2 threads")


@every_kind
def test_a_file_that_is_no_network_is_refused(kind: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no network")
    with pytest.raises(EngineError, match=f"broken.onnx: {kind} cannot load it"):
        started(kind, broken)


@every_kind
def test_an_input_that_the_network_lacks_is_refused(kind: str, network: Path) -> None:
    wanted = ImageInput(name="photo", hw=HW)
    with pytest.raises(EngineError, match=r"tiny.onnx: .* must be {'photo': .* got {'image': "):
        load("runtime", kind)(network, wanted, RuntimeOptions())


@every_kind
def test_a_network_of_another_size_is_refused(kind: str, network: Path) -> None:
    wanted = ImageInput(name="image", hw=(8, 8))
    with pytest.raises(EngineError, match=r"must be .*\(1, 3, 8, 8\)}, got .*\(1, 3, 4, 6\)}"):
        load("runtime", kind)(network, wanted, RuntimeOptions())


@every_kind
def test_a_network_of_free_size_runs_at_the_configured_one(kind: str, tmp_path: Path) -> None:
    [outputs] = started(kind, write_tiny_network(tmp_path, ("h", 6)))([noise()])
    np.testing.assert_array_equal(outputs["seen"][0], noise().transpose(2, 0, 1))


@every_kind
def test_a_free_batch_takes_one_image_and_its_other_inputs(kind: str, tmp_path: Path) -> None:
    runtime = started(kind, write_batch_network(tmp_path, HW, batch="batch"))
    biases = [np.full((1, 3), value, dtype=np.float32) for value in (1000.0, 2000.0)]
    outputs = runtime([noise(), noise()], [{"bias": bias} for bias in biases])
    wanted = noise().sum(axis=(0, 1))
    np.testing.assert_allclose(
        [each["sums"][0] for each in outputs], [wanted + 1000, wanted + 2000]
    )


@every_kind
def test_a_half_precision_network_gives_float32(kind: str, tmp_path: Path) -> None:
    half = write_batch_network(tmp_path, HW, kind=TensorProto.FLOAT16)
    bias = np.array([[0.5, 0.0, 0.0]], dtype=np.float32)
    [outputs] = started(kind, half)([np.ones((*HW, 3), dtype=np.uint8)], [{"bias": bias}])
    assert outputs["sums"].dtype == np.float32
    assert outputs["sums"].tolist() == [[24.5, 24.0, 24.0]]  # 4 x 6 ones


@every_kind
def test_a_network_of_whole_numbers_is_refused(kind: str, tmp_path: Path) -> None:
    whole = write_tiny_network(tmp_path, HW, kind=TensorProto.INT32)
    with pytest.raises(EngineError, match=r"tiny.onnx: input 'image' must hold floats, got "):
        started(kind, whole)


@every_kind
def test_a_runtime_that_is_not_installed_is_named(
    kind: str, network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, kind, None)
    with pytest.raises(EngineError, match=f"{kind} is not installed: pip install"):
        started(kind, network)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_batch_network(tmp_path_factory.mktemp("pairs"), HW)


@every_kind
@pytest.mark.parametrize("count", [1, 2, 3])
def test_images_go_through_in_batches_with_their_own_other_inputs(
    kind: str, pairs: Path, count: int
) -> None:
    images = [noise(seed) for seed in range(count)]
    extras = [{"bias": np.full((1, 3), 1000.0 * seed, dtype=np.float32)} for seed in range(count)]
    outputs = started(kind, pairs)(images, extras)
    wanted = [image.sum(axis=(0, 1)) + 1000.0 * seed for seed, image in enumerate(images)]
    np.testing.assert_allclose([output["sums"][0] for output in outputs], wanted)


@every_kind
def test_a_missing_input_is_named(kind: str, pairs: Path) -> None:
    with pytest.raises(EngineError, match=r"must be {'bias': \(1, 3\)}, got {}"):
        started(kind, pairs)([noise()])


@every_kind
def test_an_input_of_another_shape_is_refused(kind: str, pairs: Path) -> None:
    bias = {"bias": np.zeros((1, 4), dtype=np.float32)}
    with pytest.raises(EngineError, match=r"must be {'bias': \(1, 3\)}, got {'bias': \(1, 4\)}"):
        started(kind, pairs)([noise()], [bias])


@every_kind
def test_inputs_for_another_number_of_images_are_refused(kind: str, pairs: Path) -> None:
    with pytest.raises(EngineError, match="1 images came with other inputs for 0"):
        started(kind, pairs)([noise()], [])
