"""What an engine is told before it runs, by a stand-in; the real library refuses without a GPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from streamdet.errors import EngineError
from streamdet.models.model_config import ImageInput
from streamdet.runtimes.gpu.runtime import GpuRuntime
from streamdet.runtimes.tensorrt.engine import EngineNetwork
from streamdet.runtimes.tensorrt.library import Library, load_library
from streamdet.transport.cuda_device import CudaDevice
from tests.runtimes.tensorrt.stand_in import ENGINE, Context, Engine, module
from tests.runtimes.tensorrt.test_compile import engine as built_engine
from tests.runtimes.tensorrt.test_compile import shipped_network

INPUT = ImageInput(name="image", hw=(4, 6))


class Rig:
    """An engine file, and the stand-in that runs it."""

    def __init__(self, folder: Path, gpu: CudaDevice) -> None:
        self.gpu, self.file, self.engines = gpu, folder / "a.engine", list[Engine]()
        self.file.write_bytes(ENGINE)

    def network(
        self, image_input: ImageInput = INPUT, batch: int = 2, *, is_rtx: bool = False
    ) -> EngineNetwork:
        library = Library("tensorrt", "10.16", module(self.gpu, self.engines, is_rtx=is_rtx))
        return EngineNetwork(self.file, library, image_input, self.gpu, batch)


@pytest.fixture
def rig(tmp_path: Path, emulated_gpu: CudaDevice) -> Rig:
    return Rig(tmp_path, emulated_gpu)


def levels(runtime: GpuRuntime, *given: int) -> list[float]:
    images = [np.full((4, 6, 3), level, np.uint8) for level in given]
    return [float(outputs["seen"].mean()) for outputs in runtime(images)]


def test_an_engine_sees_our_tensors_and_we_see_its(rig: Rig) -> None:
    runtime = GpuRuntime(rig.network(), rig.gpu, INPUT)
    assert levels(runtime, 7, 8, 9) == [7, 8, 9]
    assert runtime.name == "tensorrt 10.16 on cuda:0 (emulated on a CPU)"


def test_full_tensorrt_is_captured_once_and_replayed(rig: Rig) -> None:
    runtime = GpuRuntime(rig.network(), rig.gpu, INPUT)
    for level in (3, 4, 5):
        assert levels(runtime, level) == [level]
    assert rig.engines[0].context.runs == 2  # once to make itself ready, once captured


def test_tensorrt_rtx_captures_by_itself(rig: Rig) -> None:
    runtime = GpuRuntime(rig.network(is_rtx=True), rig.gpu, INPUT)
    assert levels(runtime, 3) == [3]
    assert levels(runtime, 4) == [4]
    assert rig.engines[0].context.runs == 3


def test_a_batch_goes_no_further_than_the_profile(rig: Rig) -> None:
    network = rig.network(batch=8)
    assert network.inputs["image"].shape == (3, 3, 4, 6)
    assert levels(GpuRuntime(network, rig.gpu, INPUT), 1, 2, 3, 4) == [1, 2, 3, 4]


def test_an_engine_for_another_size_of_image_is_refused(rig: Rig) -> None:
    with pytest.raises(EngineError, match=r"a\.engine: the network's input must be .*8, 8"):
        rig.network(ImageInput(name="image", hw=(8, 8)))


def test_an_engine_that_the_library_refuses_is_a_sentence_with_its_reason(rig: Rig) -> None:
    rig.file.write_bytes(b"else")
    with pytest.raises(EngineError, match=r"a\.engine: tensorrt cannot load it here: magic tag"):
        rig.network()


def test_the_real_library_has_what_the_stand_in_has(tensorrt: str, rig: Rig) -> None:
    trt = load_library(tensorrt).module
    assert not [name for name in vars(module(rig.gpu, [])) if not hasattr(trt, name)]
    for mine, real in ((Engine, trt.ICudaEngine), (Context, trt.IExecutionContext)):
        names = [name for name in vars(mine) if not name.startswith("_")]
        assert not [name for name in names if not hasattr(real, name)]


def test_the_real_library_refuses_an_engine_without_a_gpu(
    tensorrt: str, tmp_path: Path, emulated_gpu: CudaDevice
) -> None:
    file = tmp_path / "people.engine"
    file.write_bytes(built_engine(tensorrt, shipped_network("people"), "sm_89").content)
    library = load_library(tensorrt)
    image_input = ImageInput(name="image", hw=(352, 416))
    with pytest.raises(EngineError, match=f"{tensorrt} cannot load it here: "):
        EngineNetwork(file, library, image_input, emulated_gpu, 1)
