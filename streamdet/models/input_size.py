"""Which of a network's input sizes an image is shown at; see `ModelConfig.sizes`.

A network sees an image scaled by one ratio. It is shown at the smallest size at which that ratio is
still enough, so that no pixels are computed for nothing; where no size reaches it, at the one with
the largest ratio. Sizes are stated for landscape; for an image in portrait they count turned, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from streamdet.errors import ConfigError
from streamdet.models.model_config import SIDE_MULTIPLE, Hw, ModelConfig

Budget = Literal["auto", "realtime", "balanced", "best"]
"""realtime: what keeps up with cameras; balanced; best: whatever it costs. auto: the first for
cameras, else the second."""

ENOUGH: Final = {"realtime": 0.6, "balanced": 0.6, "best": 1.0}
"""Prepared pixels per source pixel that are enough, by budget."""
_MOST_TIMES: Final = 4
"""A balanced size has at most so many times the pixels of the model's own."""


@dataclass(frozen=True, slots=True)
class SizeChoice:
    """The sizes among which an image's is chosen.

    Attributes:
        hws: heights and widths, pixels.
        enough: the ratio, prepared pixels per source pixel, that is enough.
    """

    hws: tuple[Hw, ...]
    enough: float

    def hw_for(self, source_hw: Hw) -> Hw:
        """Choose the size at which an image of `source_hw` is shown."""
        turned = [hw[::-1] for hw in self.hws] if source_hw[0] > source_hw[1] else []
        sizes = [*self.hws, *turned]
        adequate = [hw for hw in sizes if scale(source_hw, hw) >= self.enough]
        if adequate:
            return min(adequate, key=area)  # of equal ones the first: as the network was trained
        return max(sizes, key=lambda hw: (scale(source_hw, hw), -area(hw)))


def scale(source_hw: Hw, hw: Hw) -> float:
    """Prepared pixels per source pixel of an image that is fitted into `hw`."""
    return min(hw[0] / max(source_hw[0], 1), hw[1] / max(source_hw[1], 1))


def area(hw: Hw) -> int:
    """Pixels of a size; the time of a convolutional network goes with it."""
    return hw[0] * hw[1]


def hw_text(hw: Hw) -> str:
    """Write a size as configurations have it: 544x960 (height x width)."""
    return f"{hw[0]}x{hw[1]}"


def sized(model: ModelConfig, stated: Hw | None, budget: Budget) -> ModelConfig:
    """Give a model the sizes that the options leave it.

    Args:
        model: as its configuration states it.
        stated: the one size that is asked for; None: by the source's resolution.
        budget: by which sizes are left out.

    Raises:
        ConfigError: the model's network does not take the stated size.
    """
    if stated is not None:
        return at_size(model, stated)
    if not model.sizes or model.input is None:
        return model
    budget = "balanced" if budget == "auto" else budget
    most = area(model.input.hw) * _MOST_TIMES
    hws = [hw for hw in stated_hws(model) if budget == "best" or area(hw) <= most]
    return limited(model, SizeChoice(tuple(hws), ENOUGH[budget]))


def limited(model: ModelConfig, choice: SizeChoice) -> ModelConfig:
    """Give a model the sizes of a choice; one of a single size is as if it had no other."""
    if len(choice.hws) == 1:
        return at_size(model, choice.hws[0])
    return model.model_copy(update={"hws": choice.hws, "enough": choice.enough})


def choice_of(model: ModelConfig) -> SizeChoice | None:
    """The sizes among which a model's are chosen; None where it has one."""
    return SizeChoice(model.hws, model.enough) if model.hws else None


def used_hws(model: ModelConfig) -> tuple[Hw, ...]:
    """List every size of image that a model's network may be given, turned ones too."""
    assert model.input is not None
    if not model.hws:
        return (model.input.hw,)
    return tuple(dict.fromkeys(each for hw in model.hws for each in (hw, hw[::-1])))


def stated_hws(model: ModelConfig) -> tuple[Hw, ...]:
    """List the sizes that a model's configuration states, its own first."""
    assert model.input is not None
    return (model.input.hw, *(size.hw for size in model.sizes))


def at_size(model: ModelConfig, hw: Hw) -> ModelConfig:
    """Give a model one size, with the thresholds that hold there.

    A size that is stated nowhere has the thresholds of the stated one with the nearest number of
    pixels.

    Raises:
        ConfigError: the model's network does not take it.
    """
    if model.input is None:
        raise ConfigError(f"model {model.name!r} runs no network: it has no input size")
    if hw == model.input.hw and not model.hws:
        return model
    if not model.sizes:
        raise ConfigError(
            f"must be auto or {hw_text(model.input.hw)}, the one size that the network of model"
            f" {model.name!r} takes, got {hw_text(hw)}"
        )
    if any(side % SIDE_MULTIPLE for side in hw):
        raise ConfigError(
            f"must have sides that are multiples of {SIDE_MULTIPLE}, the coarsest stride of the"
            f" network of model {model.name!r}, got {hw_text(hw)}"
        )
    near = min(stated_hws(model), key=lambda each: (each != hw, abs(area(each) - area(hw))))
    point = next((size for size in model.sizes if size.hw == near), None)
    update: dict[str, object] = {"input": model.input.model_copy(update={"hw": hw}), "hws": ()}
    if point is not None and point.score_thresh is not None:
        update["score_thresh"] = point.score_thresh
    if point is not None and point.tracking is not None:
        update["tracking"] = point.tracking
    return model.model_copy(update=update)
