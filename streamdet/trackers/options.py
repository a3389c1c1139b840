"""Options that all trackers share, and where their thresholds come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from streamdet.config.options import Options
from streamdet.models.model_config import ModelConfig
from streamdet.trackers.offline import OfflineOptions

Score = Annotated[float, Field(ge=0, le=1)]


class TrackerOptions(Options):
    """What every tracker understands.

    A tracker reads detections from a low score on (the model's `tracking.low_thresh`), because a
    box of low score may go on with a track. What belongs to no track is published only from
    `untracked_thresh` on, the score from which the detector would publish it without a tracker.

    Attributes:
        paper: threshold -> its value in the paper, which holds where neither the graph nor the
            model states one.
        of_file: threshold -> its value where no graph is and no model: for files of detections.
            By default the paper's.
        of_model: threshold -> the key of the model's `tracking` that states it.
    """

    paper: ClassVar[dict[str, float]] = {}
    of_file: ClassVar[dict[str, float]] = {}
    of_model: ClassVar[Mapping[str, str]] = {}

    untracked: Literal["publish", "drop"] = Field(
        "publish",
        description="What becomes of objects that belong to no confirmed track: published without"
        " an id, or dropped as in the papers.",
    )
    untracked_thresh: Score | None = Field(
        None,
        description="Lowest score of an object that is published without a track; by default the"
        " detector's score_thresh, else the model's.",
    )

    offline: bool | OfflineOptions = Field(
        False,
        description="Whether tracks are made better once all frames are known: true, or how. For"
        " archives, `eval pipeline` and files of detections; a running pipeline refuses it.",
    )

    @property
    def needs_image(self) -> bool:
        """Whether the tracker looks at images: see `trackers.LookingTracker`."""
        return False

    def check_parts(self) -> None:
        """Check that what the tracker needs is on this machine.

        Raises:
            StreamdetError: it is not.
        """

    @property
    def finishing(self) -> OfflineOptions | None:
        """What is done to finished tracks; None for nothing."""
        if isinstance(self.offline, OfflineOptions):
            return self.offline
        return OfflineOptions() if self.offline else None

    @classmethod
    def unstated(cls, name: str) -> str:
        """Say what a threshold is that neither the graph nor the model states."""
        if name not in cls.paper:
            return ""
        of_file = f", of a file of detections {cls.of_file[name]:g}" if name in cls.of_file else ""
        return f"the model's, else {cls.paper[name]:g}{of_file}"

    def threshold(self, name: str) -> float:
        """Return a threshold: as stated, else that for files of detections."""
        stated: float | None = getattr(self, name)
        return (self.paper | self.of_file)[name] if stated is None else stated

    def fed_by(self, model: ModelConfig, score_thresh: float | None) -> Self:
        """Fill in what is not stated: from the model that feeds the tracker, else the paper's.

        Args:
            model: what finds the objects.
            score_thresh: of its detector, where the graph states it.
        """
        published = model.score_thresh if score_thresh is None else score_thresh
        values = {"untracked_thresh": published, **self.paper}
        if model.tracking is not None:
            stated = model.tracking.model_dump()
            values |= {name: stated[key] for name, key in self.of_model.items()}
        unstated = {name: value for name, value in values.items() if getattr(self, name) is None}
        return self.model_copy(update=unstated)
