"""configs/models/NAME.yaml: one network, its weights, its input and its thresholds."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from streamdet.config.files import find_config, shipped
from streamdet.config.names import NameOf
from streamdet.config.options import Options
from streamdet.config.suggestions import nearest
from streamdet.config.validation import checked
from streamdet.config.yaml_loader import read_yaml
from streamdet.errors import ConfigError, EngineError
from streamdet.registry import NETWORKS, WITHOUT_NETWORK, names
from streamdet.system.cache import cache_places
from streamdet.system.redaction import short

Arithmetic = Literal["fp32", "fp16", "bf16", "int8", "int8+fp32", "int8+bf16"]
"""How a runtime computes.

"fp16": of engines for a GPU.
"int8": as the file says that `streamdet models build NAME --runtime ... --precision int8` made.
"int8+fp32" and "int8+bf16": large fully connected layers in 8 bits, the rest as said.
"""

Precision = Literal["auto"] | Arithmetic
"""What a configuration states; "auto" allows fp32 and bf16, and the faster one is measured."""

_NETWORK_FILES: Final = {
    ".onnx": "a network",
    ".pt": "a file of torch",
    ".pth": "a file of torch",
    ".safetensors": "a file of weights",
    ".engine": "a file of TensorRT",
    ".tflite": "a file of TensorFlow Lite",
}
"""Files that a user may name as a model, and what they are."""

TAKE_PROPOSALS: Final = frozenset({"rcnn", "sppnet", "fast_rcnn"})
"""Kinds of detectors that look at proposed regions."""

SIDE_MULTIPLE: Final = 32
MOST_OF_A_NAME: Final = 100
"""Of the sides of a network's sizes: the coarsest stride of the networks that run at several."""

_Side = Annotated[int, Field(gt=0, le=8192)]
Hw = tuple[_Side, _Side]
"""Height and width, pixels."""

_PerChannel = tuple[float, float, float]


class ImageInput(Options):
    """How a network wants its image; a runtime bakes this into the network.

    The network sees ((image in `colour` order) - mean) / std as (1, 3, H, W) float32.
    """

    name: str = Field(description="Name of the network's input.")
    hw: Hw = Field(description="Height and width, pixels.")
    colour: Literal["bgr", "rgb"] = Field("bgr", description="Order of the channels.")
    mean: _PerChannel = Field(
        (0.0, 0.0, 0.0), description="Per channel, in `colour` order, 0..255 units."
    )
    std: _PerChannel = Field((1.0, 1.0, 1.0), description="Per channel, in `colour` order.")


class Weights(Options):
    """The file that holds a network (.onnx) or its weights (.pth, .safetensors), and its origin."""

    file: str = Field(pattern=r"^[^/\x00]+$", description="File name, without a folder.")
    sha256: str | None = Field(
        None,
        pattern=r"^[0-9a-f]{8,64}$",
        description="Checksum of the file, or its first 8 digits on; None: it is not checked.",
    )
    licence: str | None = Field(None, description="Licence of the weights.")
    origin: str | None = Field(None, description="Where the file can be had, in words.")
    torchvision: str | None = Field(
        None,
        description="Name of the weights in torchvision, which knows where they are published.",
    )


class RuntimeConfig(Options):
    """How one runtime should run this network."""

    precision: Precision = Field(
        "fp32",
        description="Arithmetic that keeps the model's accuracy; auto: fp32 and bf16 do, the faster"
        " one is measured.",
    )


class TransformConfig(BaseModel):
    """The transform that a network was trained with: its kind; all other keys are its options."""

    model_config = ConfigDict(extra="allow", frozen=True)

    kind: str = Field(description="Kind of transform, e.g. letterbox.")


class Tracking(Options):
    """Scores at which a tracker works best on what this model finds."""

    low_thresh: float = Field(
        ge=0, le=1, description="The detector hands scores from here on to a tracker."
    )
    high_thresh: float = Field(ge=0, le=1, description="Scores from here on are matched first.")
    new_thresh: float = Field(ge=0, le=1, description="Scores from here on may begin a track.")


class InputSize(Options):
    """Another size of image that a network takes, and the thresholds that hold there."""

    hw: Hw = Field(description="Height and width, pixels; multiples of 32.")
    score_thresh: float | None = Field(
        None, ge=0, le=1, description="In place of the model's at this size."
    )
    tracking: Tracking | None = Field(None, description="In place of the model's at this size.")


class ModelConfig(Options):
    """One file of configs/models; `classes` may name a list of configs/classes (a name a line)."""

    name: str = Field(description="The file's name without suffix, unless stated.")
    detector: str = Field(description="Kind of detector that decodes it.")
    weights: Weights | None = Field(
        None, description="None for a detector without a network, or one that nobody has trained."
    )
    network: dict[str, Any] | None = Field(
        None,
        description="Options of the network (see networks/): it is built from the weights, or the"
        " weights file (.onnx) holds it. None for a network that is none of ours.",
    )
    input: ImageInput | None = Field(None, description="None for a detector without a network.")
    sizes: tuple[InputSize, ...] = Field(
        (),
        description="Other sizes at which the same weights run: their network leaves height and"
        " width free. `input: auto` of a detector chooses among these and the input's own.",
    )
    proposals_from: str | None = Field(
        None,
        min_length=1,
        description="The model that proposes regions to this one, unless the detector's option"
        " `proposals` says otherwise; None: sliding boxes.",
    )
    transform: TransformConfig = Field(description="How a frame becomes this network's image.")
    classes: tuple[str, ...] = Field(
        min_length=1, description="What class ids mean, index by index."
    )
    score_thresh: float = Field(ge=0, le=1, description="Default of the detector's option.")
    iou_thresh: float = Field(ge=0, le=1, description="Default of the detector's option.")
    tracking: Tracking | None = Field(
        None, description="Thresholds of a tracker that it feeds; by default those of the papers."
    )
    runtimes: dict[Annotated[str, NameOf("runtime")], RuntimeConfig] = Field(
        default_factory=dict, description="Runtimes that run it."
    )
    folder: Path | None = Field(
        None,
        exclude=True,
        description="Where its files are looked for first; by default the configuration's.",
    )

    path: Path | None = Field(
        None, exclude=True, description="Of the configuration, unless that is a shipped one."
    )

    hws: tuple[Hw, ...] = Field(
        (),
        exclude=True,
        description="The sizes that are in use, where these are several; see models/input_size.py.",
    )
    enough: float = Field(1.0, exclude=True, description="As `SizeChoice.enough`.")

    @property
    def argument(self) -> str:
        """What names it in a command: its path, or a shipped one's name."""
        return self.name if self.path is None else str(self.path)

    @property
    def is_built(self) -> bool:
        """Whether its network has to be built: the weights file does not hold it."""
        holds_network = self.weights is not None and self.weights.file.endswith(".onnx")
        return self.network is not None and not holds_network

    @property
    def transform_options(self) -> dict[str, Any]:
        """The transform's options; where it states no `hw`, the network's input hw, or several."""
        options = dict(self.transform.model_extra or {})
        if self.input is not None:
            options.setdefault("hw", self.input.hw)
        if self.hws:
            options |= {"sizes": self.hws, "enough": self.enough}
        return options


def load_model_config(name: str) -> ModelConfig:
    """Read a model's configuration.

    Args:
        name: a shipped model's name (see configs/models), or the path of a .yaml file.

    Raises:
        ConfigError: unknown name, or a file that says something wrong: a line for each fault.
    """
    if (suffix := Path(name).suffix.lower()) in _NETWORK_FILES:
        raise ConfigError(f"{short(name)}: that is {_remedy(Path(name), suffix)}")
    path = find_config(name, "configs/models")
    text = read_yaml(path)
    if not isinstance(text.values, dict):
        raise ConfigError(f"{path}: must hold keys and values")
    if isinstance(text.values.get("classes"), str):
        text.values["classes"] = _class_list(text.values["classes"], text.place(("classes",)))
    own = {} if path.parent == shipped("configs/models") else {"path": str(path)}
    where = {"name": path.stem, "folder": str(path.absolute().parent), **own}
    model = checked(ModelConfig, text, (), {**where, **text.values})
    if faults := list(_faults(model)):
        raise ConfigError("\n".join(f"{text.place((key,))}: {what}" for key, what in faults))
    return model


def _remedy(network: Path, suffix: str) -> str:
    """Say what a file is, and how it becomes a model."""
    own = network.with_suffix(".yaml")
    if own.is_file():
        return f"a network; its model file is {own}"
    if suffix == ".onnx":
        return f"a network; first `streamdet models add {network} --classes a,b`, then name {own}"
    return f"{_NETWORK_FILES[suffix]}: export it as ONNX, then `streamdet models add FILE.onnx`"


def find_weights(config: ModelConfig) -> Path:
    """Find a model's weights beside its configuration, on STREAMDET_MODELS or in the cache.

    The checksum is computed each time: 4 MB take 4 ms.

    Raises:
        ConfigError: the model has no weights file, it is nowhere, or its checksum is wrong.
    """
    weights = config.weights
    if weights is None:
        raise ConfigError(f"model {config.name!r} has no weights file")
    found = find_file(weights.file, config.folder)
    if found is None:
        raise ConfigError(
            f"{weights.file}, the weights of model {config.name!r}, is not in"
            f" {' or '.join(map(str, _folders(config.path and config.folder)))}: put it there"
            f"{f' ({weights.origin})' if weights.origin else ''} or name its folder in"
            " STREAMDET_MODELS"
        )
    if weights.sha256 is None:
        return found
    sha256 = hashlib.sha256(found.read_bytes()).hexdigest()
    if not sha256.startswith(weights.sha256):
        raise ConfigError(
            f"{found} is not the file that model {config.name!r} wants:"
            f" its sha256 is {sha256}, wanted {weights.sha256}"
        )
    return found


def find_file(name: str, first: Path | None = None) -> Path | None:
    """Find a model's file; None if it is nowhere.

    Args:
        name: the file's.
        first: the folder that is looked into first; then come those of STREAMDET_MODELS (joined by
            os.pathsep), then the cache.
    """
    return next((f / name for f in _folders(first) if (f / name).is_file()), None)


def find_files(pattern: str, first: Path | None = None) -> list[Path]:
    """Find files of models by a glob, in the order of `find_file`."""
    return [file for folder in _folders(first) for file in sorted(folder.glob(pattern))]


def cache_folder() -> Path:
    """The folder for what is fetched and built: ~/.cache/streamdet/models (or XDG_CACHE_HOME's).

    Raises:
        EngineError: nothing can be kept on this machine, not even for a while.
    """
    folders = cache_folders()
    if not folders:
        raise EngineError("there is neither a home folder nor a temporary one: set XDG_CACHE_HOME")
    return folders[-1]


def cache_folders() -> list[Path]:
    """Where fetched and built files may lie, the folder that is written to last."""
    return [place / "models" for place in cache_places()]


def _folders(first: Path | None) -> list[Path]:
    stated = [entry for entry in os.environ.get("STREAMDET_MODELS", "").split(os.pathsep) if entry]
    return [*([first] if first else []), *map(Path, stated), *cache_folders()]


def _faults(model: ModelConfig) -> Iterator[tuple[str, str]]:
    """Find keys that do not fit each other: which, and what is wrong."""
    kind = model.detector
    if kind not in names("detector"):
        yield "detector", f"detector {short(kind)!r} is unknown; {nearest(kind, names('detector'))}"
        return
    yield from _network_faults(model)
    if model.sizes:
        yield from (("sizes", what) for what in _size_faults(model))
    weights = model.weights
    if weights is not None and weights.torchvision is not None and weights.sha256 is None:
        yield "weights", "weights with torchvision must state the sha256 of what is fetched"
    named = [name for name in model.classes if name != "N/A"]  # COCO's unused ids
    if twice := next((name for name in named if named.count(name) > 1), None):
        yield "classes", f"classes must differ, {short(twice)!r} stands twice"
    for name in model.classes:
        if not name.isprintable() or len(name) > MOST_OF_A_NAME:
            wanted = f"names must be printable, of {MOST_OF_A_NAME} characters at most"
            yield "classes", f"{wanted}, got {short(name)!r}"


def _network_faults(model: ModelConfig) -> Iterator[tuple[str, str]]:
    kind = model.detector
    if model.network is not None and kind not in NETWORKS:
        yield "network", f"network goes with a network that is built here, {kind} has none"
    elif model.network is not None and model.input is None:
        yield "network", "network needs `input` beside it: the name and hw of its image"
    if model.input is not None and kind in WITHOUT_NETWORK:
        yield "input", f"input goes with a network, {kind} has none"
    if model.proposals_from is not None and kind not in TAKE_PROPOSALS:
        takers = ", ".join(sorted(TAKE_PROPOSALS))
        yield "proposals_from", f"proposals_from goes with {takers}; {kind} takes no proposals"


def _size_faults(model: ModelConfig) -> Iterator[str]:
    if model.input is None:
        yield "sizes go with `input`: they are other sizes of its image"
        return
    stated = [model.input.hw, *(size.hw for size in model.sizes)]
    if twice := next((hw for hw in stated if stated.count(hw) > 1), None):
        yield f"sizes must differ, and from the input's own hw, {list(twice)} stands twice"
    for hw in stated:
        if any(side % SIDE_MULTIPLE for side in hw):
            yield f"sizes must have sides that are multiples of {SIDE_MULTIPLE}, got {list(hw)}"
    kinds = ("letterbox", "stretch")
    if model.transform.kind not in kinds or "hw" in (model.transform.model_extra or {}):
        yield (
            "sizes go with `transform: {kind: letterbox}` or `stretch`, without `hw`, which follows"
            " the source"
        )


def _class_list(name: str, place: str) -> list[str]:
    folder = shipped("configs/classes")
    known = sorted(entry.stem for entry in folder.glob("*.txt"))
    if name not in known:
        raise ConfigError(
            f"{place}: classes must be a list of names or one of {', '.join(known)},"
            f" got {short(name)!r}"
        )
    return (folder / f"{name}.txt").read_text(encoding="utf-8").splitlines()
