"""Images through a detector, and what its network was given: what int8 is calibrated with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from streamdet.building.engine_recipe import EngineRecipe
from streamdet.detectors.parts.options import DetectorOptions
from streamdet.detectors.pyramid import at_scales
from streamdet.errors import ConfigError
from streamdet.image import ArrayImage, Pixels
from streamdet.models.model_config import ImageInput, ModelConfig
from streamdet.registry import load
from streamdet.runtimes import Runtime, RuntimeOptions, Tensors
from streamdet.sources.resolve import list_images


@dataclass(frozen=True, slots=True)
class CalibrationSet:
    """Images to calibrate with.

    Attributes:
        folder: where they are.
        paths: those that are looked at.
        sha256: of their contents.
    """

    folder: Path
    paths: tuple[Path, ...]
    sha256: str


def calibration_set(folder: Path, recipe: EngineRecipe) -> CalibrationSet:
    """Choose images of a folder, evenly.

    Raises:
        ConfigError: there is no such folder, or too few images in it.
    """
    if not folder.is_dir():
        raise ConfigError(f"--calibration {folder}: there is no such folder")
    found = [Path(path) for path in list_images(str(folder.absolute()))]
    if len(found) < recipe.least_images:
        raise ConfigError(
            f"--calibration {folder}: has {len(found)} images, int8 wants {recipe.least_images} or"
            " more, of scenes as the model will see them"
        )
    number = min(len(found), recipe.most_images)
    paths = tuple(found[index * len(found) // number] for index in range(number))
    sha = hashlib.sha256()
    for path in paths:
        sha.update(path.read_bytes())
    return CalibrationSet(folder, paths, sha.hexdigest())


def network_inputs(model: ModelConfig, network: Path, paths: Sequence[Path]) -> Iterator[Tensors]:
    """Detect in images; yields what the network is given, (1, ...) each by name.

    Args:
        model: its transform and its detector.
        network: its ONNX file in fp32.
        paths: the images.

    Raises:
        ConfigError: an image cannot be read.
        EngineError: ONNX Runtime is missing, or refuses the network.
    """
    assert model.input is not None
    runtime = load("runtime", "onnxruntime")(network, model.input, RuntimeOptions())
    recorder = _Recorder(runtime, model.input)
    options: DetectorOptions = load("detector", model.detector).Options(model=model.argument)
    detector = at_scales(load("detector", model.detector), options, model, recorder)
    kind = load("transform", model.transform.kind)
    transform = kind(kind.Options(**model.transform_options))
    recorder.given.clear()  # what the detector tried at its start is no image
    for path in paths:
        pixels = cv2.imread(str(path))
        if pixels is None:
            raise ConfigError(f"{path}: cannot be read as an image")
        image = ArrayImage(np.asarray(pixels, np.uint8))
        prepared = np.empty((*transform.output_hw(image.hw), 3), np.uint8)
        transform(image, prepared)
        detector([prepared])
        yield from recorder.given
        recorder.given.clear()


class _Recorder:
    """A runtime that keeps what it is given."""

    def __init__(self, runtime: Runtime, image_input: ImageInput) -> None:
        self._runtime = runtime
        self._input = image_input
        self.name = runtime.name
        self.extra_shapes = getattr(runtime, "extra_shapes", {})
        self.given: list[Tensors] = []

    def __call__(
        self, images: Sequence[Pixels], extras: Sequence[Tensors] | None = None
    ) -> list[Tensors]:
        for image, others in zip(images, extras or [{} for _ in images], strict=True):
            self.given.append({self._input.name: self._normalised(image), **others})
        return self._runtime(images, extras)

    def _normalised(self, image: Pixels) -> npt.NDArray[np.float32]:
        channels = image if self._input.colour == "bgr" else image[..., ::-1]
        mean, std = (np.array(each, np.float32) for each in (self._input.mean, self._input.std))
        return ((channels - mean) / std).transpose(2, 0, 1)[None].astype(np.float32)
