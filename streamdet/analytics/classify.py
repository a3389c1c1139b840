"""A second network says something about the objects of the first: what colour, what is worn.

The probabilities of a track are summed over its looks, and the class with the largest mean is its
attribute: one bad look does not change it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from streamdet.analytics import AnalyticsContext
from streamdet.analytics.looks import Seen
from streamdet.analytics.network_looks import NetworkLookOptions, NetworkLooks
from streamdet.errors import EngineError
from streamdet.image import Image
from streamdet.messages import FrameMessage


class ClassifyOptions(NetworkLookOptions):
    """Options of `classify`."""

    attribute: str = Field(
        pattern=r"^[a-z][a-z0-9_]{0,39}$", description="What it is called in messages: colour."
    )
    labels: tuple[str, ...] = Field(
        min_length=2, description="What its outputs mean, in order: [red, green, blue]."
    )
    softmax: bool = Field(
        True, description="Whether the scores are logits; false: they are probabilities already."
    )
    min_score: float = Field(
        0.5, ge=0, le=1, description="Least mean probability; below it nothing is said."
    )

    @model_validator(mode="after")
    def _check_labels(self) -> Self:
        if len(set(self.labels)) < len(self.labels):
            raise ValueError("labels must differ from each other")
        return self


class Classify:
    """Gives objects an attribute by a network of the user's.

    Where there is no tracker, objects are looked at in each frame; where there is one, those
    without a track have no attribute.
    """

    Options = ClassifyOptions
    needs_image = True

    def __init__(self, options: ClassifyOptions, context: AnalyticsContext) -> None:
        """Begin a source; the network is loaded, once in a process.

        Raises:
            EngineError: it cannot be.
        """
        self._options = options
        self._looks = NetworkLooks(options, context, self._probabilities)

    def update(self, frame: FrameMessage) -> FrameMessage:
        """Say what is known of the tracks, without an image."""
        return self.look(frame, None)

    def look(self, frame: FrameMessage, image: Image | None) -> FrameMessage:
        """Look at the objects that are due, and say what is known of all.

        Raises:
            EngineError: the network's output does not fit the labels.
        """
        found = frame.detections
        if found is None:
            return frame
        means = self._looks.means(frame, found, image)
        had = found.attributes or ({},) * len(found)
        attributes = tuple(
            {**old, **self._said(mean)} for old, mean in zip(had, means, strict=True)
        )
        return replace(frame, detections=replace(found, attributes=attributes))

    def state(self) -> bytes:
        """The tracks with what was seen of them."""
        return self._looks.state()

    def restore(self, state: bytes) -> None:
        """Go on with the tracks."""
        self._looks.restore(state)

    def _probabilities(self, scores: npt.NDArray[np.float64]) -> Seen:
        options = self._options
        if len(scores) != len(options.labels):
            raise EngineError(
                f"{options.network}: its output has {len(scores)} scores, wanted one for each of"
                f" the {len(options.labels)} labels"
            )
        if not options.softmax:
            return scores.astype(np.float32)
        powers = np.exp(scores - scores.max())
        return np.asarray(powers / powers.sum(), np.float32)

    def _said(self, mean: Seen | None) -> dict[str, str]:
        if mean is None or not mean.max() >= self._options.min_score:
            return {}
        return {self._options.attribute: self._options.labels[int(mean.argmax())]}
