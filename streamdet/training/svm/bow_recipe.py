"""The recipe of `fit: bow_spm`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from streamdet.config.options import Options
from streamdet.detectors.parts.bow_model import BowGeometry
from streamdet.training.recipe import FittedData

_Side = Annotated[int, Field(ge=8, le=1024)]


class BowRecipe(Options):
    """One fitting of a bag of visual words; see svm/bow_fit.py."""

    fit: Literal["bow_spm"] = Field(description="What is fitted.")
    model: str = Field(
        "bow_spm",
        min_length=1,
        description="Whose transform and thresholds the result takes.",
    )
    name: str = Field(pattern=r"^[\w-]+$", description="Of the result; by default the recipe's.")
    classes: tuple[str, ...] = Field(min_length=1, description="Classes of the result.")
    licence: str = Field("yours", description="Licence of the weights, for their model file.")
    score_thresh: float | None = Field(
        None, ge=0, le=1, description="Of the result; by default the model's."
    )
    windows: tuple[tuple[_Side, _Side], ...] = Field(
        ((64, 64), (96, 96), (144, 144)),
        min_length=1,
        description="Height and width of the sliding boxes in the prepared image, pixels.",
    )
    words: int = Field(200, ge=2, le=1000, description="Size of the vocabulary.")
    step: int = Field(4, ge=1, le=64, description="From descriptor to descriptor, pixels.")
    patch: int = Field(16, ge=4, le=128, description="Side that a descriptor sees, pixels.")
    levels: tuple[Annotated[int, Field(ge=1, le=16)], ...] = Field(
        (1, 2, 4), min_length=1, description="Bins a side at each level of the pyramid."
    )
    most_descriptors: int = Field(
        50_000, ge=100, description="Drawn from up to 250 images, for the vocabulary."
    )
    data: FittedData = Field(description="Labelled images.")
    least_side: int = Field(
        16, ge=1, description="An object of a smaller side, pixels, counts neither way."
    )
    moved: int = Field(
        1, ge=0, le=100, description="How many more regions show each object, moved a little."
    )
    drawn: int = Field(
        10, ge=1, le=1000, description="Sliding boxes without an object drawn from an image."
    )
    rounds: int = Field(
        1, ge=0, le=20, description="How often the images are searched for hard negatives."
    )
    searched: int = Field(
        1000, ge=1, description="Sliding boxes of an image that a round looks at."
    )
    hard: int = Field(5, ge=1, le=1000, description="Most hard negatives of an image in a round.")
    first: int = Field(
        3000, ge=10, description="Negatives that an SVM begins with; what it gets wrong is added."
    )
    cost: float = Field(1.0, gt=0, le=1000, description="C of the SVMs.")
    detector: dict[str, Any] = Field(
        default_factory=dict, description="Options of the detector while it is measured."
    )
    seed: int = Field(0, ge=0, lt=2**31, description="Of all chance.")

    @property
    def geometry(self) -> BowGeometry:
        """Of the result."""
        return BowGeometry(self.step, self.patch, self.levels, self.windows)
