"""Which kind of detector reads a network, and how many classes it has, by its outputs' shapes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from streamdet.building.own_network import (
    KINDS,
    OwnNetwork,
    Shapes,
    input_shapes,
    model_values,
    output_shapes,
    read_onnx,
)
from streamdet.detectors.gfl import scores_output
from streamdet.detectors.parts.grid import cell_grid
from streamdet.detectors.parts.network import grey_image
from streamdet.detectors.ultralytics import STRIDES
from streamdet.errors import ConfigError, EngineError
from streamdet.models.model_config import ModelConfig
from streamdet.registry import load
from streamdet.runtimes import Runtime
from streamdet.runtimes.checks import check_network


@dataclass(frozen=True, slots=True)
class Findings:
    """What is known of a network that shall be recognised.

    Attributes:
        shapes: of its outputs for one image.
        counts: kind that these shapes fit -> how many classes it has then.
        classes: what class ids mean, index by index; () where nobody has said.
        source: who says so, for the errors: "--classes".
        kind: the kind that the user states; None: it is to be found.
    """

    shapes: Shapes
    counts: Mapping[str, int]
    classes: tuple[str, ...]
    source: str
    kind: str | None


def shapes_in_use(runtime: Runtime, hw: tuple[int, int]) -> Shapes:
    """The shapes of a network's outputs by name, as a grey image brings them out."""
    [outputs] = runtime([grey_image(hw)])
    return {name: tuple(output.shape) for name, output in outputs.items()}


def class_counts(shapes: Shapes, hw: tuple[int, int]) -> dict[str, int]:
    """Count the classes that a network would have as each kind that its outputs fit.

    A free side fits any; yolov10 is never among the kinds: its outputs do not say how many.

    Args:
        shapes: of its outputs for one image.
        hw: height and width of the image, pixels.
    """
    counts = {kind: shapes.get(scores_output(kind), ())[-1:] for kind in ("nanodet", "picodet")}
    shape = next(iter(shapes.values()), ())
    if len(shape) == 3:
        _, rows, columns = shape
        cells, cells_p6 = (len(cell_grid(hw, strides)[0]) for strides in STRIDES)
        counts["yolox"] = _rest(columns, 5) if _fits(rows, cells) else ()
        counts["yolov5"] = _rest(columns, 5) if _fits(rows, 3 * cells, 3 * cells_p6) else ()
        counts["yolov8"] = _rest(rows, 4) if _fits(columns, cells, cells_p6) else ()
    ints = {kind: count[0] for kind, count in counts.items() if count}
    return {kind: n for kind, n in ints.items() if isinstance(n, int) and n > 0}


def described(counts: Mapping[str, int]) -> str:
    """Say what a network is: a yolov8 with 2 classes; "" where its shapes fit nothing."""
    return " or ".join(f"a {kind} with {_classes(count)}" for kind, count in counts.items())


def recognised(network: OwnNetwork, hw: tuple[int, int], found: Findings, runtime: Runtime) -> str:
    """Find the kind of detector that reads what a network gives.

    Args:
        network: the file.
        hw: height and width of its image, pixels.
        found: what its shapes say, and what the user does.
        runtime: it has loaded the network.

    Raises:
        ConfigError: none does, there are no classes, or not as many as the network has.
    """
    count = len(found.classes)
    if not count:
        hint = f"; it is {described(found.counts)}" if found.counts else ""
        raise ConfigError(
            f"{network.path}: name its classes with --classes a,b,c or a file with a name a line"
            f"{hint}"
        )
    fitting = {k: n for k, n in found.counts.items() if found.kind in (None, k)}
    if fitting and count not in fitting.values():
        raise ConfigError(f"{network.path} is {described(fitting)}; {found.source} names {count}")
    likely = [kind for kind in fitting if fitting[kind] == count]
    tried = [found.kind] if found.kind else likely or [k for k in KINDS if not found.counts]
    refusals = {}
    for kind in tried:
        if not (refusal := _refusal(kind, network, hw, found.classes, runtime)):
            return kind
        refusals[kind] = refusal
    if len(refusals) == 1:
        [(kind, refusal)] = refusals.items()
        raise ConfigError(f"{network.path}: cannot be used as a {kind}: {refusal}")
    raise ConfigError(
        f"{network.path}: its outputs {found.shapes} are not those of a {', '.join(KINDS[:-1])} or"
        f" {KINDS[-1]}"
    )


def check_own_network(model: ModelConfig, network: Path) -> None:
    """Check a network of the user's own against its model file, as far as the two files say.

    Args:
        model: its configuration.
        network: an ONNX file.

    Raises:
        ConfigError: the file is damaged, has another image, kind or number of classes, or one size
            of image in place of several.
    """
    if model.detector not in KINDS or model.input is None or find_spec("onnx") is None:
        return  # without onnx whatever runs the network says what is wrong
    try:
        onnx_model = read_onnx(network)
        check_network(network, model.input, input_shapes(onnx_model))
    except (ConfigError, EngineError) as exc:
        raise ConfigError(f"{model.argument}: its network cannot be used: {exc}") from exc
    sides = input_shapes(onnx_model)[model.input.name][2:]
    if model.sizes and any(isinstance(side, int) for side in sides):
        raise ConfigError(
            f"{model.argument}: states `sizes`, but {network} takes images of one size only: leave"
            " them out, or export it with a free height and width"
        )
    kind, classes = model.detector, len(model.classes)
    counts = class_counts(output_shapes(onnx_model), model.input.hw)
    if counts.get(kind, classes) != classes:
        fact = described({kind: counts[kind]})
        raise ConfigError(f"{model.argument}: names {_classes(classes)}, but {network} is {fact}")
    if counts and kind not in (*counts, "yolov10"):
        raise ConfigError(
            f"{model.argument}: detector is {kind}, but {network} is {described(counts)}"
        )


def _refusal(
    kind: str, network: OwnNetwork, hw: tuple[int, int], classes: tuple[str, ...], runtime: Runtime
) -> str:
    """Say why a kind of detector cannot read a network; "" where it can."""
    detector_class = load("detector", kind)
    model = ModelConfig(name=network.path.stem, **model_values(network, kind, hw, classes))
    try:
        detector_class(detector_class.Options(model=model.name), model, runtime)
    except EngineError as exc:
        return str(exc)
    return ""


def _classes(count: int) -> str:
    return f"{count} class{'' if count == 1 else 'es'}"


def _fits(side: int | str, *wanted: int) -> bool:
    return isinstance(side, str) or side in wanted


def _rest(side: int | str, before: int) -> tuple[int, ...]:
    return (side - before,) if isinstance(side, int) else ()
