"""OverFeat: Sermanet, Eigen, Zhang, Mathieu, Fergus, LeCun, ICLR 2014, sections 4.2 and 5.

Many locations of an image, at all its sizes, are trained at once: some windows with an object and
some without (section 5: "selecting a few interesting negative examples per image, such as random
ones"). The regressor learns by an L2 loss, on features that stay as the classifier has them, from
windows that hold at least half of the object (section 4.2). B images, L locations of all sizes,
C classes.

Departure: the paper does not say when a window has the class of an object. Here the overlap of the
two decides, see the options.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final, NamedTuple

import torch
from pydantic import Field
from torch import Tensor

from streamdet.config.options import Options
from streamdet.networks.overfeat import OverFeatNetwork, by_location
from streamdet.training.matching import Assignment, best_overlaps, is_in_ignored, sampled
from streamdet.training.objectives.localizer import Phase
from streamdet.training.overlaps import covered_share
from streamdet.training.region_losses import class_loss
from streamdet.training.target import Target, of_labelled_classes

_HELD_SHARE: Final = 0.5  # section 4.2


class OverFeatObjectiveOptions(Options):
    """Options of `OverFeatObjective`."""

    trains: Phase = Field("both", description="The classifier, then boxes on top of it; or both.")
    windows: int = Field(64, ge=1, description="Most windows of an image that are trained.")
    positive_share: float = Field(0.5, ge=0, le=1, description="Most of these with an object.")
    window_positive: float = Field(
        0.3, ge=0, le=1, description="Overlap from which a window has an object, or the best has."
    )
    window_negative: float = Field(0.2, ge=0, le=1, description="Overlap below which it has none.")


class Look(NamedTuple):
    """What the network says of all locations.

    Attributes:
        windows: (L, 4) pixels of the image, what each location sees.
        logits: (B, L, C + 1), the background first.
        shifts: (B, L, 1 or C, 4) of the window's edges, in its sides.
    """

    windows: Tensor
    logits: Tensor
    shifts: Tensor


class OverFeatObjective:
    """The losses of OverFeat; see `Objective`."""

    Options: ClassVar = OverFeatObjectiveOptions

    def __init__(self, network: OverFeatNetwork, options: OverFeatObjectiveOptions) -> None:
        """Join the network and the options."""
        self.generator = torch.Generator()
        self._network = network
        self._options = options

    def __call__(self, images: Tensor, targets: Sequence[Target]) -> dict[str, Tensor]:
        """Compute class and box, as the options say."""
        look = self._look(images)
        sure = [of_labelled_classes(target) for target in targets]
        assignments = [self._assigned(look.windows, target) for target in sure]
        losses: dict[str, Tensor] = {}
        if self._options.trains != "boxes":
            losses["class"] = self._class_loss(look, assignments, sure)
        if self._options.trains != "classes":
            losses["box"] = _box_loss(look, assignments, sure)
        return losses

    def _look(self, images: Tensor) -> Look:
        hw = (images.shape[2], images.shape[3])
        windows, logits, shifts = [], [], []
        for resized in self._network.pyramid(images):
            level_logits, sides = self._maps(resized)
            scale = images.new_tensor([hw[1] / resized.shape[3], hw[0] / resized.shape[2]])
            places = self._network.windows((sides.shape[2], sides.shape[3])).to(images)
            windows.append(places * scale.repeat(2))
            logits.append(level_logits.float().flatten(2).transpose(1, 2))
            shifts.append(by_location(sides.float()))
        return Look(torch.cat(windows), torch.cat(logits, dim=1), torch.cat(shifts, dim=1))

    def _maps(self, image: Tensor) -> tuple[Tensor, Tensor]:
        if self._options.trains != "boxes":
            return self._network.maps(image)
        with torch.no_grad():
            features = self._network.features(image)
            logits = self._network.classifier(features)
        return logits, self._network.regressor(features)

    def _assigned(self, windows: Tensor, target: Target) -> Assignment:
        overlaps = best_overlaps(windows, target.xyxy)
        is_positive = (overlaps.iou >= self._options.window_positive) | overlaps.is_best
        is_empty = ~is_positive & (overlaps.iou < self._options.window_negative)
        is_negative = is_empty & ~is_in_ignored(windows, target.ignored)
        return Assignment(overlaps.row, is_positive, is_negative)

    def _class_loss(
        self, look: Look, assignments: Sequence[Assignment], targets: Sequence[Target]
    ) -> Tensor:
        """Mean over the windows that are sampled."""
        losses = []
        for logits, whole, target in zip(look.logits, assignments, targets, strict=True):
            some = sampled(
                whole, self._options.windows, self._options.positive_share, self.generator
            )
            is_used = some.is_positive | some.is_negative
            labels = torch.zeros_like(some.row)
            labels[some.is_positive] = target.class_ids[some.row[some.is_positive]] + 1
            is_labelled = target.is_labelled.expand(int(is_used.sum()), -1)
            losses.append(class_loss(logits[is_used], labels[is_used], is_labelled))
        every = torch.cat(losses)
        return every.sum() / max(len(every), 1)


def _box_loss(look: Look, assignments: Sequence[Assignment], targets: Sequence[Target]) -> Tensor:
    """Squared error of the shifts, mean over the windows that hold half of their object."""
    errors = []
    for shifts, assignment, target in zip(look.shifts, assignments, targets, strict=True):
        locations = torch.nonzero(assignment.is_positive)[:, 0]
        rows = assignment.row[locations]
        is_held = covered_share(target.xyxy[rows], look.windows[locations]) >= _HELD_SHARE
        locations, rows = locations[is_held], rows[is_held]
        windows = look.windows[locations]
        sides = (windows[:, 2:] - windows[:, :2]).repeat(1, 2)
        own = torch.zeros_like(rows) if shifts.shape[1] == 1 else target.class_ids[rows]
        wanted = (target.xyxy[rows] - windows) / sides
        errors.append((shifts[locations, own] - wanted).square().sum(dim=1))
    every = torch.cat(errors)
    return every.sum() / max(len(every), 1)
