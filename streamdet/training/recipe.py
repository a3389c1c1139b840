"""A recipe: what `streamdet train` does, from one YAML file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from streamdet.config.options import Options
from streamdet.config.validation import checked
from streamdet.config.yaml_loader import YamlText
from streamdet.errors import ConfigError
from streamdet.models.model_config import SIDE_MULTIPLE

_Unit = Annotated[float, Field(ge=0, le=1)]
_Side = Annotated[int, Field(gt=0, le=8192)]
_FreeSide = Annotated[int, Field(gt=0, le=8192, multiple_of=SIDE_MULTIPLE)]


class DataSource(Options):
    """Labelled images: COCO's .json, a folder of VOC's .xml or of YOLO's .txt files."""

    truth: Path = Field(
        description="The labels; relative to the working directory. COCO's iscrowd and VOC's"
        " difficult are neither object nor background."
    )
    images: Path = Field(description="Their folder; relative to the working directory.")
    labels: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="Classes of the model that this source labels completely; objects of the"
        " others may stand unlabelled in its images, so they count neither way, and an RPN learns"
        " no background there. By default all that the file has.",
    )
    rename: dict[str, str] = Field(
        default_factory=dict, description="Class of the file -> class of the model."
    )
    ignore: tuple[str, ...] = Field(
        (), description="Classes of the file whose boxes are neither object nor background."
    )
    points: Literal["labelled", "upright"] = Field(
        "labelled",
        description="Keypoints: what the labels have, or upright: of every object its top, its"
        " middle and its foot, by its mask where it has one, else by its box.",
    )
    licences: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="Of COCO's .json: only images of these licences, by the names that its"
        " `licenses` state. By default all images.",
    )
    held_out: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="About which share of a training source's images is measured on instead: the"
        " last frames of each video, other images by a hash of their names.",
    )


class TrainingSource(DataSource):
    """Labelled images to learn from."""

    repeat: int = Field(1, ge=1, description="How often an epoch shows each image.")


class Data(Options):
    """What is learnt from and what is measured on."""

    train: tuple[TrainingSource, ...] = Field(min_length=1, description="Learnt from.")
    validation: tuple[DataSource, ...] = Field(
        (), description="Measured on, see `validate_every`; the best weights by it are kept."
    )
    bad_labels: Literal["refuse", "skip"] = Field(
        "refuse", description="A wrong label ends the run, or is left out and counted."
    )

    @property
    def is_measured_on(self) -> bool:
        """Whether any image is there to measure on."""
        return bool(self.validation) or any(source.held_out for source in self.train)


def _shown_once(data: Data) -> Data:
    if any(source.repeat > 1 for source in data.train):
        raise ValueError("repeat goes with training by steps, a fitting sees each image once")
    return data


FittedData = Annotated[Data, AfterValidator(_shown_once)]
"""What is learnt from without steps."""


class Augmentation(Options):
    """How images are varied, each time that they are shown."""

    flip: _Unit = Field(0.5, description="Share of images that are mirrored left to right.")
    crop: _Unit = Field(0.0, description="Share of images of which only a part is shown.")
    crop_side: float = Field(0.5, gt=0, le=1, description="Shortest side of it, as a share.")
    scale: tuple[float, float] = Field(
        (0.8, 1.25), description="Least and most that objects are enlarged; 1, 1 for never."
    )
    mosaic: _Unit = Field(0.0, description="Share of images that are made of four.")
    hue: float = Field(0.015, ge=0, le=0.5, description="Most that hues turn, in whole turns.")
    saturation: float = Field(0.4, ge=0, lt=1, description="Most that saturation changes.")
    brightness: float = Field(0.3, ge=0, lt=1, description="Most that brightness changes.")
    min_visible: _Unit = Field(
        0.3, description="An object of which less remains is neither object nor background."
    )
    flip_pairs: tuple[tuple[int, int], ...] = Field(
        (), description="Keypoints that change places in a mirrored image: left and right."
    )


class Optimiser(Options):
    """How weights follow from gradients."""

    kind: Literal["adamw", "sgd"] = Field("adamw", description="AdamW, or SGD with momentum.")
    rate: float = Field(1e-3, gt=0, le=10, description="Learning rate after the warm-up.")
    weight_decay: float = Field(0.05, ge=0, le=1, description="Of weights; not of norms, biases.")
    momentum: float = Field(0.9, ge=0, lt=1, description="Of SGD; the first beta of AdamW.")
    backbone_rate: float = Field(1.0, ge=0, le=1, description="Rate of the backbone, as a share.")
    frozen: tuple[str, ...] = Field(
        (), description="Beginnings of names of what keeps its weights, norm statistics included."
    )
    clip: float | None = Field(10.0, gt=0, description="Longest gradient of all weights together.")


class Schedule(Options):
    """Warm-up, then half a cosine: Loshchilov and Hutter, "SGDR", 2017, equation 5, one period."""

    warmup_steps: int = Field(100, ge=0, description="Steps over which the rate rises.")
    last_rate: _Unit = Field(0.05, description="Rate of the last step, as a share of the highest.")


class Start(Options):
    """Weights to begin with: tensors that fit by name and shape are taken, the others are told."""

    model: str | None = Field(
        None,
        description="Name in configs/models, or path of a .yaml file, of a model whose weights are"
        " taken, an exported one's (.onnx, also somebody else's YOLOX) too; of its classes those"
        " that the result has.",
    )
    network: str | None = Field(
        None, description="Path or name of a file of the whole network's weights."
    )
    backbone: str | None = Field(
        None, description="Path or name of a file of a classifier's weights."
    )


class Kept(Options):
    """What a backbone that keeps its weights computes, once for each variation of an image."""

    variations: int = Field(
        4,
        ge=1,
        le=1000,
        description="Of each image; rounds beyond them show the same again, and cost neither"
        " reading nor backbone. Its maps stay in memory, in half precision.",
    )


class Recipe(Options):
    """One training."""

    model: str = Field(min_length=1, description="Name in configs/models, or path of a .yaml file.")
    name: str = Field(pattern=r"^[\w-]+$", description="Of the result; by default the recipe's.")
    classes: tuple[str, ...] | None = Field(
        None, min_length=1, description="Classes of the result; by default the model's."
    )
    hw: tuple[_Side, _Side] | None = Field(
        None, description="Height and width that the network sees; by default the model's."
    )
    hws: tuple[tuple[_FreeSide, _FreeSide], ...] = Field(
        (),
        description="Heights and widths of which each step shows its images at one, by chance, so"
        " that the network serves several; by default `hw` alone. It is measured at `hw`.",
    )
    network: dict[str, Any] = Field(
        default_factory=dict, description="Options of the network that differ from the model's."
    )
    objective: dict[str, Any] = Field(default_factory=dict, description="Options of the losses.")
    detector: dict[str, Any] = Field(
        default_factory=dict, description="Options of the detector while it is measured."
    )
    licence: str = Field("yours", description="Licence of the weights, for their model file.")
    data: Data = Field(description="Labelled images.")
    start: Start = Field(default_factory=Start, description="Weights to begin with.")
    start_share: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Of the weights begun with in the result, which is a mean of them and of what"
        " was learnt: what they know beyond the images is lost less. For starts that know all"
        " classes.",
    )
    epochs: int = Field(
        ge=1,
        le=100_000,
        description="Rounds over all images, each in a new order; what fills no batch is left.",
    )
    batch: int = Field(8, ge=1, le=4096, description="Images of one step.")
    seed: int = Field(0, ge=0, lt=2**31, description="Of all chance.")
    kept: Kept | None = Field(
        None,
        description="For a backbone that `optimiser.frozen` names whole: how its maps are kept.",
    )
    augmentation: Augmentation = Field(default_factory=Augmentation, description="Variation.")
    optimiser: Optimiser = Field(default_factory=Optimiser, description="How weights change.")
    schedule: Schedule = Field(default_factory=Schedule, description="How fast.")
    ema: float | None = Field(
        0.999,
        ge=0,
        lt=1,
        description="Share of the old in the moving average of the weights, which is what is"
        " measured and kept; null: the weights themselves.",
    )
    precision: Literal["fp32", "bf16"] = Field("fp32", description="bf16: torch's autocast.")
    is_deterministic: bool = Field(
        True,
        description="The same recipe gives the same weights on the same CPU with the same threads;"
        " without effect on CUDA.",
    )
    checkpoint_every: int = Field(200, ge=1, description="Steps between two checkpoints.")
    validate_every: int = Field(
        1, ge=1, description="Epochs between two measurements (COCO's AP); the end is one."
    )
    devices: int | None = Field(
        None,
        ge=1,
        le=256,
        description="CUDA devices that share each step's batch evenly, a process each; without"
        " CUDA, processes. By default all CUDA devices, else one process.",
    )
    workers: int = Field(
        1, ge=0, le=256, description="Processes that prepare images, for each device."
    )
    threads: int | None = Field(None, ge=1, le=256, description="Of torch; by default one a core.")


_FREE = frozenset({"workers", "checkpoint_every", "name", "licence", "detector"})


def check_recipe(text: YamlText, path: Path) -> Recipe:
    """Check a parsed recipe.

    Args:
        text: what the file holds.
        path: the file.

    Raises:
        ConfigError: a line for each fault, with file, line and key.
    """
    if not isinstance(text.values, dict):
        raise ConfigError(f"{text.name}: must hold keys and values")
    recipe = checked(Recipe, text, (), {"name": path.stem, **text.values})
    low, high = recipe.augmentation.scale
    if not 0.1 <= low <= high <= 10:
        place = text.place(("augmentation", "scale"))
        raise ConfigError(
            f"{place}: augmentation.scale must be two numbers from 0.1 to 10, the lower one first,"
            f" got {low:g} and {high:g}"
        )
    return recipe


def digest(recipe: Recipe) -> str:
    """Hash what decides over the weights: two runs with the same digest are the same training.

    The default of `devices` counts as none, whatever the machine has. Where the images to learn
    from lie does not count: what they are is told by `samples.Samples.digest`.
    """
    free = _FREE if recipe.devices is not None else _FREE | {"devices"}
    stated = recipe.model_dump(mode="json", exclude=set(free))
    for source in stated["data"]["train"]:
        del source["truth"], source["images"]
    return hashlib.sha256(json.dumps(stated).encode()).hexdigest()
