"""The recipe of `fit: region_svms`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from streamdet.config.options import Options
from streamdet.training.recipe import FittedData, Start

_Side = Annotated[int, Field(gt=0, le=8192)]
_Unit = Annotated[float, Field(ge=0, le=1)]


class RegionSvmRecipe(Options):
    """One fitting of the SVMs and box regressors of R-CNN or SPP-net; see svm/region_fit.py."""

    fit: Literal["region_svms"] = Field(description="What is fitted.")
    model: str = Field(
        min_length=1,
        description="Name in configs/models, or path of a .yaml file; its weights are begun with.",
    )
    name: str = Field(pattern=r"^[\w-]+$", description="Of the result; by default the recipe's.")
    classes: tuple[str, ...] | None = Field(
        None, min_length=1, description="Classes of the result; by default the model's."
    )
    hw: tuple[_Side, _Side] | None = Field(
        None, description="Height and width of the prepared image; by default the model's."
    )
    network: dict[str, Any] = Field(
        default_factory=dict, description="Options of the network that differ from the model's."
    )
    licence: str = Field("yours", description="Licence of the weights, for their model file.")
    start: Start = Field(
        default_factory=Start, description="Weights in place of the model's to begin with."
    )
    data: FittedData = Field(description="Labelled images.")
    detector: dict[str, Any] = Field(
        default_factory=dict, description="Options of the detector while it is measured."
    )
    context: int = Field(
        16, ge=0, le=64, description="R-CNN: border around a region's box in its crop."
    )
    around: int = Field(32, ge=1, le=1000, description="Regions drawn around an object.")
    anywhere: int = Field(256, ge=1, le=10_000, description="Regions drawn all over an image.")
    negative: _Unit = Field(0.3, description="Overlap below which a region is negative.")
    first: int = Field(
        1000, ge=1, description="Negatives of the first SVM of a class; hard ones are added."
    )
    cost: float = Field(0.001, gt=0, le=1000, description="C of the SVMs.")
    box_overlap: _Unit = Field(0.6, description="Overlap above which a region teaches boxes.")
    most_boxes: int = Field(1000, ge=1, description="Most regions of a class that teach boxes.")
    ridge: float = Field(1000.0, gt=0, description="Lambda of the box regressors.")
    seed: int = Field(0, ge=0, lt=2**31, description="Of all chance.")
    threads: int | None = Field(None, ge=1, le=256, description="Of torch; by default one a core.")
