"""What is built into a network that suppresses by itself, and which options it cannot follow.

Known from the model's configuration alone: a worker, and `streamdet check`, load no torch.
"""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, Field, ValidationError

from streamdet.detectors.parts.options import DetectorOptions
from streamdet.errors import ConfigError
from streamdet.models.model_config import ModelConfig


class BuiltIn(BaseModel):
    """The end of a network; defaults are those of networks/suppression.py."""

    score_thresh: float = Field(0.05, ge=0, le=1)
    iou_thresh: float = Field(0.5, ge=0, le=1)
    detections: int = Field(100, ge=1)


class BuiltIntoRpn(BuiltIn):
    """The same of an RPN; defaults are those of networks/region_proposals.py."""

    score_thresh: float = Field(0.0, ge=0, le=1)
    iou_thresh: float = Field(0.7, ge=0, le=1)
    detections: int = Field(300, ge=1, alias="after_nms")


_BUILT_IN: Final[dict[str, type[BuiltIn]]] = {
    "sppnet": BuiltIn,
    "fast_rcnn": BuiltIn,
    "rpn": BuiltIntoRpn,
    "faster_rcnn": BuiltIn,
    "mask_rcnn": BuiltIn,
}


_ENDS_IN_DETECTIONS: Final = frozenset({*_BUILT_IN, "localizer"})


def built_in(model: ModelConfig) -> BuiltIn | None:
    """Tell what is built into a model's network; None where that is nothing, or nobody knows.

    Raises:
        ConfigError: `network` is wrong, or states another `iou_thresh` than the model.
    """
    kind = _BUILT_IN.get(model.detector)
    if kind is None or model.network is None:
        return None
    try:
        known = kind.model_validate(model.network)
    except ValidationError as exc:
        [fault, *_] = exc.errors()
        raise ConfigError(
            f"model {model.name!r}: network.{fault['loc'][0]} is wrong ({fault['msg']}),"
            f" got {fault['input']!r}"
        ) from exc
    if known.iou_thresh != model.iou_thresh:
        raise ConfigError(
            f"model {model.name!r}: iou_thresh {model.iou_thresh} and network.iou_thresh"
            f" {known.iou_thresh} must be the same: the network suppresses by itself"
        )
    return known


def check_built_in(options: DetectorOptions, model: ModelConfig) -> None:
    """Refuse an option that a network which suppresses by itself cannot follow.

    Raises:
        ConfigError: `iou_thresh` is another than the model's; `score_thresh` is below, or
            `max_detections` above, what the network gives.
    """
    if model.detector not in _ENDS_IN_DETECTIONS:
        return
    remedy = (
        f"built into the network of model {model.name!r}:"
        " change it in the model's configuration and build the network again"
    )
    if options.iou_thresh is not None and options.iou_thresh != model.iou_thresh:
        raise ConfigError(f"iou_thresh {model.iou_thresh} is {remedy}")
    if options.suppression != "greedy":
        raise ConfigError(
            f"suppression {options.suppression} cannot be had: greedy suppression is built into the"
            f" network of model {model.name!r}"
        )
    known = built_in(model)
    if known is None:
        return
    lowest = model.score_thresh if options.score_thresh is None else options.score_thresh
    if lowest < known.score_thresh:
        raise ConfigError(
            f"score_thresh must be at least {known.score_thresh}, got {lowest}: that is {remedy}"
        )
    # Of several sizes or tiles each gives as many.
    is_stated = "max_detections" in options.model_fields_set and options.scales == (1.0,)
    if is_stated and options.max_detections > known.detections:
        raise ConfigError(
            f"max_detections must be at most {known.detections}, got {options.max_detections}:"
            f" that is {remedy}"
        )
