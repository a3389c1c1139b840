"""A layer of a network, looked into: its maps, and its responses followed back to the pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from streamdet.image import Pixels
from streamdet.inspection.drawing import Finding, gradient_image
from streamdet.inspection.layers import feature_map
from streamdet.inspection.responses import (
    Response,
    Way,
    gradients,
    receptive_field,
    strongest,
)
from streamdet.inspection.subject import Subject


@dataclass(frozen=True)
class Look:
    """What is looked at, and how responses are followed back.

    Attributes:
        subject: the network.
        layer: one of its layers.
        way: back to the pixels; None: only receptive fields are wanted.
    """

    subject: Subject
    layer: str
    way: Way | None = None

    def features(self, prepared: Pixels) -> Tensor:
        """Compute the maps (C, h, w) of an image that the subject has prepared."""
        with torch.no_grad():
            return feature_map(self.subject.network, self.layer, self.subject.tensor(prepared))

    def findings(self, prepared: Pixels, responses: Sequence[Response]) -> list[Finding]:
        """Follow responses back to the pixels of their image.

        Those that nothing of the image moves are left out.
        """
        network, image = self.subject.network, self.subject.tensor(prepared)
        plain = gradients(network, self.layer, image, responses, "gradient")
        found = [
            Finding(response, prepared, field)
            for response, gradient in zip(responses, plain, strict=True)
            if (field := receptive_field(gradient))
        ]
        if self.way is None:
            return found
        kept = [finding.response for finding in found]
        is_rgb = self.subject.input.colour == "rgb"
        return [
            replace(finding, saw=gradient_image(gradient, is_rgb=is_rgb))
            for finding, gradient in zip(
                found, gradients(network, self.layer, image, kept, self.way), strict=True
            )
        ]


def strongest_channel(features: Tensor) -> int:
    """Choose the channel of (C, h, w) with the highest response, the first of equals."""
    return int(features.flatten(1).amax(1).argmax())


def strongest_of(
    best: Sequence[tuple[Response, str]], values: Tensor, channel: int, name: str, most: int
) -> list[tuple[Response, str]]:
    """Add the strongest response of one image to those of others.

    Args:
        best: responses with their images' names, the strongest first.
        values: (h, w) the channel's map of this image.
        channel: its number.
        name: the image's.
        most: how many are kept.
    """
    more = [(response, name) for response in strongest(values, channel, 1)]
    return sorted([*best, *more], key=lambda one: one[0].value, reverse=True)[:most]
