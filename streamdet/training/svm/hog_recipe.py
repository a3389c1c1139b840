"""The recipe of `fit: hog_svm`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from streamdet.config.options import Options
from streamdet.detectors.parts.window_svm import HogGeometry
from streamdet.training.recipe import FittedData

_Side = Annotated[int, Field(ge=16, le=1024)]
_Shrink = Annotated[float, Field(ge=0, lt=0.5)]
_Unit = Annotated[float, Field(ge=0, le=1)]


class View(Options):
    """A shape of the object in its window."""

    window: tuple[_Side, _Side] = Field(
        (128, 64), description="Height and width of the window, multiples of 8 pixels."
    )
    shrink_xy: tuple[_Shrink, _Shrink] = Field(
        (0.0, 0.0),
        description="Share of the window's width and height on each side of the object in it.",
    )


class Patches(Options):
    """Cut-out objects and what is none: folders of images, or images; resized to the window."""

    positives: Path = Field(
        description="Objects, of the first view; relative to the working directory."
    )
    negatives: Path | None = Field(None, description="What is none.")
    tile: tuple[_Side, _Side] | None = Field(
        None,
        description="Height and width of a patch, where each image is a sheet of many; black"
        " ones are left out.",
    )


class PatchData(Options):
    """Patches to learn from and to measure on."""

    train: tuple[Patches, ...] = Field(min_length=1, description="Learnt from.")
    validation: tuple[Patches, ...] = Field((), description="Measured on.")


class HogRecipe(Options):
    """One fitting of a HOG + SVM; see svm/hog_fit.py."""

    fit: Literal["hog_svm"] = Field(description="What is fitted.")
    model: str = Field(
        "hog_people", min_length=1, description="Whose transform and thresholds the result takes."
    )
    name: str = Field(pattern=r"^[\w-]+$", description="Of the result; by default the recipe's.")
    classes: tuple[str] = Field(description="The class of the result.")
    licence: str = Field("yours", description="Licence of the weights, for their model file.")
    transform: dict[str, Any] | None = Field(
        None, description="How a frame becomes the detector's image; by default the model's."
    )
    score_thresh: _Unit | None = Field(None, description="Of the result; by default the model's.")
    views: tuple[View, ...] = Field(
        (View(),),
        min_length=1,
        max_length=32,
        description="Shapes that the object is seen in, a window and an SVM for each; an object is"
        " an example of the view that is most of its shape.",
    )
    bins: int = Field(9, ge=2, le=36, description="Orientations of gradients.")
    signed: bool = Field(
        False,
        description="Whether opposite gradients differ: 18 signed bins are better for cars and no"
        " better for people (section 6.3 of the paper).",
    )
    patches: PatchData | None = Field(None, description="Cut-out objects.")
    data: FittedData | None = Field(
        None,
        description="Labelled images: windows around objects are positive, others negative."
        " What has another class is background.",
    )
    objects: bool = Field(
        True, description="Whether labelled objects are positives; false: the patches alone are."
    )
    flip: Literal["none", "examples", "views"] = Field(
        "examples",
        description="examples: what is learnt from is mirrored as well. views: each view becomes"
        " two that mirror each other, such as a car driving left and right; which of them an object"
        " shows is found out.",
    )
    most_enlarged: float = Field(
        1.25,
        ge=1,
        le=8,
        description="An object that has to grow more to fill the window counts neither way.",
    )
    least_overlap: _Unit = Field(
        0.0,
        description="An object whose IoU with the box that its window stands for is lower, because"
        " its shape is another, counts neither way.",
    )
    moved: int = Field(
        0,
        ge=0,
        le=100,
        description="How many more windows show each object, moved and resized a little, as it"
        " lies in the windows of a detector.",
    )
    drawn: int = Field(
        10, ge=1, le=1000, description="Windows without an object drawn from a labelled image."
    )
    rounds: int = Field(
        2, ge=0, le=20, description="How often labelled images are searched for hard negatives."
    )
    search: Literal["all", "parts"] = Field(
        "all",
        description="parts: each round searches other images, so that all of them take as long as"
        " one round.",
    )
    hard: int = Field(20, ge=1, le=1000, description="Most of these from an image in a round.")
    cost: float = Field(0.01, gt=0, le=1000, description="C of the SVM; the paper's is 0.01.")
    detector: dict[str, Any] = Field(
        default_factory=dict, description="Options of the detector while it is measured."
    )
    seed: int = Field(0, ge=0, lt=2**31, description="Of all chance.")

    def geometry(self, view: View) -> HogGeometry:
        """Of a view's window."""
        return HogGeometry(window_hw=view.window, bins=self.bins, is_signed=self.signed)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for view in self.views:
            if any(side % 8 for side in view.window):
                raise ValueError(f"views: a window must be multiples of 8, got {view.window}")
        if self.patches is None and (self.data is None or not self.objects):
            raise ValueError("patches or data must give objects to learn from")
        return self
