"""Networks by parts on the emulated device: what ONNX Runtime finds on the CPU, by our kernels."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from onnx import TensorProto

from streamdet.errors import EngineError
from streamdet.image import DevicePixels, Pixels
from streamdet.models.built_network import find_network
from streamdet.models.model_config import ImageInput, load_model_config
from streamdet.registry import load
from streamdet.runtimes import RuntimeOptions, Tensors
from streamdet.runtimes.gpu.by_parts import PartsNetwork
from streamdet.runtimes.gpu.onnx_dense import OnnxDense, cuda_provider
from streamdet.runtimes.gpu.runtime import GpuRuntime
from streamdet.runtimes.onnxruntime import OnnxRuntime
from streamdet.transport.cuda_device import CudaDevice
from tests.emulation.provider import ON_HOST
from tests.networks.region_networks import INPUT
from tests.runtimes.tiny_network import write_batch_network, write_tiny_network


def on_gpu(path: Path, image_input: ImageInput, gpu: CudaDevice, batch: int = 2) -> GpuRuntime:
    dense = OnnxDense(gpu, ON_HOST)
    return GpuRuntime(PartsNetwork(path, image_input, gpu, batch, dense), gpu, image_input)


def assert_same_detections(came: Tensors, wanted: Tensors) -> None:
    """Boxes within 0.5 pixels, scores within 1e-3, as many of the same classes."""
    count = int(wanted["counts"][0])
    assert count > 0
    assert came["counts"].tolist() == [count]
    np.testing.assert_array_equal(came["class_ids"][0, :count], wanted["class_ids"][0, :count])
    np.testing.assert_allclose(came["scores"][0, :count], wanted["scores"][0, :count], atol=1e-3)
    np.testing.assert_allclose(came["boxes"][0, :count], wanted["boxes"][0, :count], atol=0.5)


@pytest.mark.data
def test_faster_rcnn_with_roi_align_and_nms_finds_what_the_cpu_does(
    data: Path, emulated_gpu: CudaDevice
) -> None:
    model = load_model_config("street_rcnn")
    assert model.input is not None
    path = find_network(model).path
    images = [photo(path, model.input.hw) for path in sorted(data.rglob("*.jpg"))[1:4]]
    runtime = on_gpu(path, model.input, emulated_gpu)
    assert "3 of its nodes by our kernels" in runtime.name  # Nms, RoiAlignFpn3, Nms
    wanted = OnnxRuntime(path, model.input, RuntimeOptions())(images)
    for one, same in zip(runtime(images), wanted, strict=True):
        assert_same_detections(one, same)


def photo(path: Path, hw: tuple[int, int]) -> Pixels:
    image = cv2.imread(str(path))
    assert image is not None
    return np.asarray(cv2.resize(image, hw[::-1]), np.uint8)


def test_the_network_sees_normalised_planes_wherever_the_image_lies(
    tmp_path: Path, emulated_gpu: CudaDevice
) -> None:
    mean, std = (10.0, 20.0, 30.0), (2.0, 4.0, 8.0)
    image_input = ImageInput(name="image", hw=(4, 6), colour="rgb", mean=mean, std=std)
    noise = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
    there = emulated_gpu.private(noise.shape, noise.dtype)
    emulated_gpu.upload(lambda room: np.copyto(room, noise), there)
    runtime = on_gpu(write_tiny_network(tmp_path), image_input, emulated_gpu)
    for outputs in runtime([noise, there]):
        wanted = ((noise[..., ::-1].astype(np.float32) - mean) / std).transpose(2, 0, 1)
        np.testing.assert_allclose(outputs["seen"][0], wanted, atol=1e-5)


def test_a_network_of_half_precision_gets_and_gives_floats(
    tmp_path: Path, emulated_gpu: CudaDevice
) -> None:
    path = write_tiny_network(tmp_path, kind=TensorProto.FLOAT16)
    image = np.full((4, 6, 3), 7, np.uint8)
    [outputs] = on_gpu(path, ImageInput(name="image", hw=(4, 6)), emulated_gpu)([image])
    assert outputs["sums"].dtype == np.float32
    assert outputs["sums"].tolist() == [[168.0] * 3]  # 24 pixels of 7


def test_each_image_gets_its_own_other_inputs(tmp_path: Path, emulated_gpu: CudaDevice) -> None:
    runtime = on_gpu(
        write_batch_network(tmp_path), ImageInput(name="image", hw=(4, 6)), emulated_gpu
    )
    image = np.zeros((4, 6, 3), np.uint8)
    given = [{"bias": np.full((1, 3), value, np.float32)} for value in range(3)]
    assert [one["sums"].tolist() for one in runtime([image] * 3, given)] == [
        [[value] * 3] for value in range(3)
    ]


def test_an_image_of_another_gpu_is_refused(tmp_path: Path, emulated_gpu: CudaDevice) -> None:
    runtime = on_gpu(
        write_tiny_network(tmp_path), ImageInput(name="image", hw=(4, 6)), emulated_gpu
    )
    far = DevicePixels("cuda:1", 512, (4, 6, 3), np.dtype(np.uint8))
    with pytest.raises(EngineError, match="an image on cuda:1 came to cuda:0"):
        runtime([far])


def test_too_little_memory_is_a_sentence(
    tmp_path: Path, emulated_gpu: CudaDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMULATED_CUDA_MEMORY_MIB", "1")
    path = write_tiny_network(tmp_path, (512, 512))  # 3 MiB of floats
    with pytest.raises(EngineError, match="the network does not fit on cuda:0: GPU memory is full"):
        on_gpu(path, ImageInput(name="image", hw=(512, 512)), emulated_gpu)


def test_a_damaged_file_is_a_sentence(tmp_path: Path, emulated_gpu: CudaDevice) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"no network")
    with pytest.raises(EngineError, match=r"bad\.onnx: onnxruntime cannot load it"):
        on_gpu(tmp_path / "bad.onnx", INPUT, emulated_gpu)


def test_an_onnxruntime_for_cpus_is_refused_with_what_to_install(
    tmp_path: Path, emulated_gpu: CudaDevice
) -> None:
    with pytest.raises(EngineError, match="has no CUDAExecutionProvider: install onnxruntime-gpu"):
        load("runtime", "onnxruntime").on_gpu(
            write_tiny_network(tmp_path), INPUT, RuntimeOptions(), emulated_gpu, 1
        )


def test_the_cuda_provider_works_on_our_stream_in_full_fp32(emulated_gpu: CudaDevice) -> None:
    provider = cuda_provider(emulated_gpu)
    assert provider.options["user_compute_stream"] == str(emulated_gpu.stream_address)
    assert provider.options["use_tf32"] == "0"
