"""What a lower precision costs: AP of a network's file beside that of the fp32 file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamdet.detectors.parts.built_in import built_in
from streamdet.detectors.pyramid import at_scales
from streamdet.errors import ConfigError
from streamdet.evaluation.coco import coco_scores
from streamdet.evaluation.images import LOWEST_SCORE, ImageDetector, detect_images
from streamdet.evaluation.truth import Truth, TruthImage
from streamdet.models.model_config import Arithmetic, ModelConfig
from streamdet.registry import load
from streamdet.runtimes import RuntimeOptions

Images = Iterable[tuple[TruthImage, Path]]


@dataclass(frozen=True, slots=True)
class Executed:
    """A network's file and what executes it.

    Attributes:
        network: an ONNX file.
        runtime: kind of runtime.
        precision: of the runtime; a file of fp16 is executed as it is, by "fp32".
    """

    network: Path
    runtime: str
    precision: Arithmetic = "fp32"


@dataclass(frozen=True, slots=True)
class Accuracy:
    """AP of two precisions of one network on the same images.

    Attributes:
        fp32: AP (IoU 0.5 to 0.95, 0..1) in fp32.
        lowered: AP in the lower precision.
        images: how many.
        truth: name of the truth's file or folder.
        runtime: what executed both, with its version.
    """

    fp32: float
    lowered: float
    images: int
    truth: str
    runtime: str

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a passport."""
        return {
            "AP": round(self.lowered, 4),
            "AP_fp32": round(self.fp32, 4),
            "images": self.images,
            "truth": self.truth,
            "measured_with": self.runtime,
        }

    def __str__(self) -> str:
        return (
            f"AP {self.lowered:.3f}, fp32 has {self.fp32:.3f} ({self.images} images of"
            f" {self.truth}, {self.runtime})"
        )


def check_accuracy(accuracy: Accuracy, precision: str, tolerance: float) -> None:
    """Refuse a precision that costs too much.

    Args:
        accuracy: what was measured.
        precision: its name.
        tolerance: most AP that may be lost.

    Raises:
        ConfigError: it costs more.
    """
    lost = accuracy.fp32 - accuracy.lowered
    if lost > tolerance:
        raise ConfigError(
            f"{precision} is refused, nothing is written: it costs {lost:.3f} AP, the recipe allows"
            f" {tolerance:g}: {accuracy}"
        )


def average_precision(
    model: ModelConfig, executed: Executed, truth: Truth, images: Images
) -> tuple[float, str]:
    """Detect in images with one file of a model's network.

    Args:
        model: its detector, transform and input.
        executed: the file.
        truth: of the images, of classes that the model has.
        images: see evaluation.images.find_images.

    Returns:
        AP (IoU 0.5 to 0.95, 0..1), and what really executed the network.

    Raises:
        ConfigError: an image is wrong, or the truth has no objects.
        EngineError: the runtime is missing, or refuses the file or the precision.
    """
    assert model.input is not None
    options = RuntimeOptions(precision=executed.precision)
    runtime = load("runtime", executed.runtime)(executed.network, model.input, options)
    kind = load("detector", model.detector)
    known = built_in(model)
    lowest = LOWEST_SCORE if known is None else max(LOWEST_SCORE, known.score_thresh)
    stated = kind.Options(model=model.argument, score_thresh=lowest)
    detect = ImageDetector(at_scales(kind, stated, model, runtime), model)
    results = detect_images(detect, truth, images, model.classes)
    found = coco_scores(truth, results, "bbox").metrics["AP"]
    if found is None:
        raise ConfigError(f"{truth.name}: has no objects to measure AP with")
    return found, runtime.name
