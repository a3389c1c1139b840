"""A model's network for one runtime and precision: export -> lower -> compile -> passport.

TensorRT gets an engine, a runtime on the CPU an ONNX file. Which AP the lower precision costs is
measured by whoever asks for it, between `lower` and `finish`: see commands/models_engine.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from streamdet.building.build import build
from streamdet.building.calibration import CalibrationSet, calibration_set, network_inputs
from streamdet.building.engine_recipe import EngineRecipe
from streamdet.building.half import to_fp16
from streamdet.building.int8 import prepared, to_int8
from streamdet.errors import ConfigError
from streamdet.kernels.ptx import ptx
from streamdet.models.build_passport import BuildPassport, file_name, misfit, read_build_passport
from streamdet.models.built_network import NetworkFile, digest, find_network
from streamdet.models.model_config import ModelConfig, cache_folder
from streamdet.runtimes.installed import package_version
from streamdet.runtimes.plugin_nodes import kernels_of
from streamdet.runtimes.tensorrt.compile import EngineRequest, compile_engine
from streamdet.runtimes.tensorrt.layers import Layer
from streamdet.runtimes.tensorrt.library import installed_library, library_version
from streamdet.system.atomic_file import write_whole, written_whole

PRECISIONS: Final[dict[str, tuple[str, ...]]] = {
    "tensorrt": ("fp32", "fp16", "int8"),
    "onnxruntime": ("int8",),
    "openvino": ("bf16", "int8"),
}
"""What is built for each runtime; fp32 of the others needs no building."""

NOT_EXECUTED: Final = "nowhere: the engine was built, not executed"


@dataclass(frozen=True, slots=True)
class BuildOrder:
    """What is wanted.

    Attributes:
        model: whose network.
        runtime: "tensorrt", "onnxruntime" or "openvino".
        precision: see `PRECISIONS`.
        targets: GPUs, of TensorRT; () otherwise.
        recipe: how.
        calibration: folder of images, of int8; None otherwise.
    """

    model: ModelConfig
    runtime: str
    precision: str
    targets: tuple[str, ...]
    recipe: EngineRecipe
    calibration: Path | None = None

    def check(self) -> None:
        """Refuse what does not go together.

        Raises:
            ConfigError: it does not.
        """
        known = PRECISIONS[self.runtime]
        if self.precision not in known:
            raise ConfigError(
                f"--precision {self.precision}: {self.runtime} is built in {' or '.join(known)}"
            )
        if self.model.input is None:
            raise ConfigError(f"model {self.model.name!r} runs no network: nothing is to be built")
        if (self.runtime == "tensorrt") != bool(self.targets):
            raise ConfigError(
                "--runtime tensorrt wants --target, the GPU's compute capability, such as sm_89"
                if self.runtime == "tensorrt"
                else f"--target is for tensorrt, {self.runtime} runs on the CPU"
            )
        if (self.precision == "int8") != (self.calibration is not None):
            raise ConfigError(
                "--precision int8 wants --calibration, a folder of images"
                if self.precision == "int8"
                else f"--calibration is for int8, {self.precision} needs no images"
            )


@dataclass(frozen=True, slots=True)
class Prepared:
    """A network about to be lowered.

    Attributes:
        order: what is wanted.
        network: its ONNX file in fp32.
        origin: what the result will be made of, see `BuildPassport.origin`.
        model: the `onnx.ModelProto` that is compiled in fp32.
        ptx: type of a node of ours -> PTX of its kernels; {} on a CPU.
        images: to calibrate with, of int8.
    """

    order: BuildOrder
    network: NetworkFile
    origin: dict[str, str]
    model: Any
    ptx: Mapping[str, bytes]
    images: CalibrationSet | None


def prepare(order: BuildOrder, seed: int | None = None) -> Prepared:
    """Find or export the network, and say what the result will be made of.

    Args:
        order: what is wanted.
        seed: of random weights, for a network that nobody has trained.

    Raises:
        ConfigError: the order, the network or the calibration images are wrong.
        EngineError: the runtime or torch is not installed, or a kernel cannot be compiled.
    """
    order.check()
    runtime = _runtime_text(order.runtime)
    images = calibration_set(order.calibration, order.recipe) if order.calibration else None
    network = _network(order.model, seed)
    is_engine = order.runtime == "tensorrt"  # an engine is for one size of image
    model = prepared(network.path, order.model.input if is_engine else None)
    code = {}
    if is_engine:
        code = {name: ptx(kernels) for name, kernels in kernels_of(model).items()}
    origin = {
        "model": digest(order.model),
        "network": hashlib.sha256(network.path.read_bytes()).hexdigest(),
        "recipe": order.recipe.digest(),
        "runtime": runtime,
        "precision": order.precision,
        "targets": ",".join(order.targets),
        "kernels": hashlib.sha256(b"".join(code[name] for name in sorted(code))).hexdigest(),
        "calibration": images.sha256 if images else "",
    }
    return Prepared(order, network, origin, model, code, images)


def why_rebuilt(made: Prepared, folder: Path) -> str | None:
    """Say why what is in a folder must be built anew; "" where nothing is there, None: it fits."""
    path = folder / file_name(made.order.model, made.origin)
    if not path.exists():
        return ""
    try:
        return misfit(read_build_passport(path), made.origin) or None
    except ConfigError as exc:
        return str(exc)


def lower(made: Prepared) -> Any:
    """Bring the network to its precision; returns an `onnx.ModelProto`.

    Raises:
        ConfigError: an image cannot be read.
        EngineError: ONNX Runtime is not installed.
    """
    if made.order.precision == "fp16":
        return to_fp16(made.model, made.order.recipe)
    if made.images is not None:
        inputs = network_inputs(made.order.model, made.network.path, made.images.paths)
        return to_int8(made.model, inputs, made.order.recipe)
    return made.model


def finish(
    made: Prepared, lowered: Any, folder: Path, accuracy: dict[str, Any] | None
) -> tuple[Path, BuildPassport]:
    """Compile, and write the file and its passport; nothing is written where that fails.

    Args:
        made: see `prepare`.
        lowered: see `lower`.
        folder: gets both files.
        accuracy: what was measured of it, for the passport.

    Raises:
        EngineError: TensorRT refuses the network, or a file cannot be written.
        ConfigError: it does not build for a target.
    """
    onnx_file = lowered.SerializeToString(deterministic=True)
    content, execution = onnx_file, "on the CPU"
    layers: tuple[Layer, ...] = ()
    packages = {name: version(name) for name in ("streamdet", "onnx", "onnxruntime")}
    if made.order.runtime == "tensorrt":
        name = made.origin["runtime"].split()[0]
        batches = made.order.recipe.batches
        engine = compile_engine(EngineRequest(name, lowered, made.order.targets, batches, made.ptx))
        content, layers, execution = engine.content, engine.layers, NOT_EXECUTED
        packages[name] = engine.version
    passport = BuildPassport(
        origin=made.origin,
        file_sha256=hashlib.sha256(content).hexdigest(),
        onnx_sha256=hashlib.sha256(onnx_file).hexdigest(),
        versions=packages,
        execution=execution,
        plugins=tuple(layer.plugin for layer in layers if layer.plugin),
        layers=tuple(layer.as_dict() for layer in layers),
        calibration=_told(made.images),
        accuracy=accuracy,
    )
    path = folder / file_name(made.order.model, made.origin)
    with written_whole(path) as file:
        file.write(content)
        path.with_suffix(".json").unlink(missing_ok=True)  # no file is beside a wrong passport
    write_whole(path.with_suffix(".json"), passport.to_json().encode())
    return path, passport


def _told(images: CalibrationSet | None) -> dict[str, Any] | None:
    if images is None:
        return None
    return {"folder": images.folder.name, "images": len(images.paths), "sha256": images.sha256}


def _runtime_text(runtime: str) -> str:
    if runtime == "tensorrt":
        name = installed_library()
        return f"{name} {library_version(name)}"
    return f"{runtime} {package_version(runtime)}"


def random_folder(seed: int) -> Path:
    """Where networks of random weights and what is compiled of them go, beside no trained one."""
    return cache_folder() / f"random-{seed}"


def _network(model: ModelConfig, seed: int | None) -> NetworkFile:
    """The network's file; one with random weights is made if it is not there."""
    if seed is None or not model.is_built:
        return find_network(model)
    folder = random_folder(seed)
    try:
        return find_network(model.model_copy(update={"folder": folder}))
    except ConfigError:
        return build(model.argument, folder, seed)
