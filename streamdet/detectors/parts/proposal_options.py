"""The options of detectors that look at proposals, and what proposes for them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from streamdet.detectors.parts.options import NetworkOptions
from streamdet.detectors.proposals import Proposer
from streamdet.detectors.proposals.file import FileProposals
from streamdet.detectors.proposals.sliding import SlidingBoxes
from streamdet.models.model_config import ModelConfig

_Positive = Annotated[float, Field(gt=0)]


class ProposalOptions(NetworkOptions):
    """What every detector understands that looks at proposals."""

    proposals: Literal["sliding", "selective_search", "rpn", "file"] | None = Field(
        None,
        description="What proposes regions, see detectors/proposals. By default the model that the"
        " model's configuration names (`proposals_from`), else sliding boxes.",
    )
    proposals_from: str | None = Field(
        None,
        min_length=1,
        description="rpn: the name of its model; file: the path of its boxes, MOTChallenge text"
        " whose frames are those of the only source, in the prepared image's pixels.",
    )
    sliding_scales: tuple[_Positive, ...] = Field(
        (0.1, 0.2, 0.4, 0.8),
        min_length=1,
        description="sliding: square roots of areas, in shorter sides of the image.",
    )
    sliding_ratios: tuple[_Positive, ...] = Field(
        (0.5, 1.0, 2.0), min_length=1, description="sliding: height / width."
    )

    @field_validator("proposals")
    @classmethod
    def _fits_the_scales(cls, proposals: str | None, info: ValidationInfo) -> str | None:
        scales = info.data.get("scales", (1.0,))
        if proposals == "file" and scales != (1.0,):
            raise ValueError(
                f"must not be file with scales {list(scales)}: its boxes are of one size"
            )
        return proposals

    @model_validator(mode="after")
    def _has_what_proposes(self) -> Self:
        if (self.proposals in {"rpn", "file"}) != (self.proposals_from is not None):
            raise ValueError(
                "proposals_from must name the model of rpn or the path of file, and goes with them"
                f" alone, got {self.proposals_from!r} with {self.proposals}"
            )
        return self


def proposing_model(options: ProposalOptions, model: ModelConfig) -> str | None:
    """Name the model that proposes regions; None: something else does."""
    if options.proposals == "rpn":
        return options.proposals_from
    return model.proposals_from if options.proposals is None else None


def make_proposer(options: ProposalOptions, model: ModelConfig) -> Proposer:
    """Make what the options name, or what the model's configuration does.

    Raises:
        ConfigError: the file is missing or wrong; there is no such model, or it is not built.
        EngineError: OpenCV's contrib modules or a runtime are missing.
    """
    if (name := proposing_model(options, model)) is not None:
        from streamdet.detectors.proposals.network import NetworkProposals

        return NetworkProposals(name, options)
    match options.proposals, options.proposals_from:
        case "file", str(path):
            return FileProposals(Path(path).expanduser())
        case "selective_search", _:
            from streamdet.detectors.proposals.selective_search import SelectiveSearch

            return SelectiveSearch()
        case _:
            return SlidingBoxes(options.sliding_scales, options.sliding_ratios)
