"""`runtime: tensorrt` of a graph: an engine that `streamdet models build` made for the GPU here."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

from streamdet.models.build_passport import find_engine, read_build_passport
from streamdet.models.built_network import digest
from streamdet.models.model_config import ImageInput, ModelConfig
from streamdet.runtimes import RuntimeOptions
from streamdet.runtimes.gpu import Gpu, GpuNetwork
from streamdet.runtimes.gpu.only import GpuOnly
from streamdet.runtimes.tensorrt.device import check_device, find_device
from streamdet.runtimes.tensorrt.library import (
    FULL,
    RTX,
    installed_library,
    library_version,
    load_library,
)


class TensorRt(GpuOnly):
    """Executes engines on a GPU; see `gpu.GpuRuntimeKind`. On a CPU it runs nothing."""

    package = RTX if find_spec(RTX) is not None else FULL
    name = "tensorrt"
    on_cpu = "tensorrt runs networks on a GPU: say `device: cuda:0` at the detector"

    @staticmethod
    def gpu_file(model: ModelConfig, network: Path, options: RuntimeOptions) -> Path:
        """Find the engine that was built of a network for the GPU here, by its passport.

        Raises:
            ConfigError: it is missing or damaged, has no passport, or was made of something else.
            EngineError: there is no TensorRT, driver or GPU; the driver is too old; the GPU has
                too little free memory.
        """
        library = installed_library()
        device = find_device()
        wanted = {
            "model": digest(model),
            "network": hashlib.sha256(network.read_bytes()).hexdigest(),
            "runtime": f"{library} {library_version(library)}",
            "precision": options.precision,
        }
        file = find_engine(
            model,
            wanted,
            device.target,
            f"streamdet models build {model.argument} --runtime tensorrt --target {device.target}"
            f" --precision {options.precision}",
        )
        targets = read_build_passport(file).origin["targets"].split(",")
        check_device(device, targets, file.stat().st_size)
        return file

    @staticmethod
    def on_gpu(
        file: Path, image_input: ImageInput, options: RuntimeOptions, gpu: Gpu, batch: int
    ) -> GpuNetwork:
        """Load an engine: see gpu.GpuRuntimeKind and engine.py."""
        from streamdet.runtimes.tensorrt.engine import EngineNetwork

        library = load_library(read_build_passport(file).origin["runtime"].split()[0])
        return EngineNetwork(file, library, image_input, gpu, batch)
