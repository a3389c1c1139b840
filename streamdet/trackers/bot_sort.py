"""BoT-SORT (Aharon et al. 2022, "Robust associations multi-pedestrian tracking").

Its filter (section 3.1) holds centre, width and height, with noise that grows with the width across
and with the height down. The associations (algorithm 1) are ByteTrack's. Camera motion (section
3.2) is looked for where `camera_motion` says so, and people's looks count (section 3.3) where
`embed_model` names a network, or detections have vectors already (analytics/embed.py).

Departures; what they are worth on four MOT15 sequences is in docs/accuracy.md:

- Measurements are taken for 1.5 times as noisy as in the paper, and velocities may change four
  times as fast: boxes of weak detectors jump, and cameras move.
- A track is reported from its third match in a row on (`min_hits`), the paper's from its second.
- Overlap alone is what a pair is worth, as the paper says; the authors' code multiplies by scores.
- Looks count from a cosine of .6 and an overlap of .1 on (the paper: .5 and .5).
- A lost track that overlaps another one is not ended; the code does that.
- Tracks match detections of their own class only (`class_agnostic: true` is the paper's).
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import msgpack
import numpy as np
import numpy.typing as npt
from pydantic import Field

from streamdet.detections import Detections, RowNumbers
from streamdet.errors import ConfigError
from streamdet.image import Image
from streamdet.system.opencv import import_opencv
from streamdet.trackers.appearance import blended, load_appearance, unit, with_appearance
from streamdet.trackers.box_states import Found, cxcywh_to_xyxy, overlaps, trackable, xyxy_to_cxcywh
from streamdet.trackers.byte_track import ByteTrackOptions
from streamdet.trackers.camera_motion import SparseFlow, move_filters
from streamdet.trackers.kalman import correct, predict, start_filters
from streamdet.trackers.options import Score
from streamdet.trackers.three_rounds import match_in_rounds
from streamdet.trackers.tracks import (
    CLASS_ID,
    COMMON_FIELDS,
    SEEN,
    Floats,
    Indices,
    Tracks,
    filters_of,
    report,
    unmatched,
)

# Standard deviations as shares of a box's width and height: of position and velocity a frame.
_MOTION = np.array([1 / 20, 1 / 40])[:, None, None]
_START = np.array([2 / 20, 20 / 40])[:, None, None]
_MEASURED = 1.5 / 20
_LOOK = slice(COMMON_FIELDS, None)  # own rows: what the track looks like
_LEAST_WH = 1e-3  # pixels: no box turns inside out


class BotSortOptions(ByteTrackOptions):
    """Options of BoT-SORT: ByteTrack's, and how long a probation is."""

    of_file: ClassVar[dict[str, float]] = {
        "high_thresh": 0.85,
        "low_thresh": 0.6,
        "new_thresh": 0.89,
    }

    high_thresh: Score | None = Field(
        None,
        description="Scores from here on are matched first; by default the model's"
        " tracking.high_thresh, else 0.6 (the paper's), of a file of detections 0.85.",
    )
    low_thresh: Score | None = Field(
        None,
        description="Detections below this are not tracked; by default the model's"
        " tracking.low_thresh, else 0.1 (the paper's), of a file of detections 0.6.",
    )
    new_thresh: Score | None = Field(
        None,
        description="Scores from here on may begin a track; by default the model's"
        " tracking.new_thresh, else 0.7 (the paper's), of a file of detections 0.89.",
    )
    high_iou_thresh: float = Field(
        0.2, ge=0, le=1, description="Least overlap of a track and a high-score detection."
    )
    new_iou_thresh: float = Field(
        0.3, ge=0, le=1, description="Least overlap of a track in probation and a detection."
    )
    min_hits: int = Field(
        2, ge=0, le=100, description="Matches after the first that confirm a track."
    )
    camera_motion: Literal["off", "sparse_flow"] = Field(
        "off",
        description="For cameras that move: tracks are moved with the scene, whose motion is"
        " measured in the images (sparse optical flow). Needs the images, and OpenCV.",
    )
    embed_model: Path | None = Field(
        None,
        description="ONNX file of a network that tells people apart by their look, such as OSNet:"
        " input `images` (1, 3, 256, 128). Needs the images, ONNX Runtime and OpenCV.",
    )
    embed_cosine_thresh: float = Field(
        0.6, ge=0, le=1, description="Least likeness (cosine) from which on looks count."
    )
    embed_iou_thresh: float = Field(
        0.1, gt=0, le=1, description="Least overlap from which on looks count."
    )
    max_age: int = Field(45, ge=0, le=10_000, description="Frames that a lost track is kept.")

    @property
    def needs_image(self) -> bool:
        """Whether images are looked at."""
        return self.camera_motion != "off" or self.embed_model is not None

    def check_parts(self) -> None:
        """Check what looking at images needs.

        Raises:
            EngineError: OpenCV or ONNX Runtime is missing, or refuses the network.
            ConfigError: the network's file does not exist.
        """
        if self.camera_motion != "off":
            import_opencv()
        if self.embed_model is not None:
            if not self.embed_model.is_file():
                raise ConfigError(f"embed_model: {self.embed_model} does not exist")
            load_appearance(self.embed_model)


class BotSort:
    """Follows boxes as ByteTrack does, by filters of width and height."""

    Options = BotSortOptions

    def __init__(self, options: BotSortOptions) -> None:
        """Begin without tracks."""
        self._options = options
        model = options.embed_model
        self._appearance = None if model is None else load_appearance(model)
        length = None if self._appearance is None else self._appearance.length
        self._tracks = Tracks(options.min_hits, options.max_age, own_fields=length)
        self._low_thresh = options.threshold("low_thresh")
        self._new_thresh = options.threshold("new_thresh")
        self._gates = options.gates()
        self._flow = SparseFlow() if options.camera_motion == "sparse_flow" else None
        self._motion: Floats | None = None
        self._image: Image | None = None
        self.rows: RowNumbers = np.zeros(0, np.int64)

    def look(self, image: Image | None) -> None:
        """Measure the camera's motion up to the frame that `update` takes next; keep its image."""
        self._image = image
        if self._flow is not None and image is not None:
            self._motion = self._flow.motion(image)

    def update(self, detections: Detections) -> Detections:
        """Take the next frame; returns the filters' boxes of confirmed tracks that were matched."""
        tracks = self._tracks
        tracks.frame_count += 1
        found = trackable(detections, self._low_thresh)
        measured = xyxy_to_cxcywh(found.xyxy)
        looks = self._looks(found, detections.vectors)
        self._predict()
        rows, columns = self._match(found, measured, looks)
        seen = tracks.table.take(rows, axis=1)
        noise = _variances(seen[2:4], _MEASURED)
        correct(filters_of(seen), measured.take(columns, axis=1), noise)
        if looks is not None:
            seen[_LOOK] = blended(seen[_LOOK], looks.take(columns, axis=1))
        tracks.write_matched(rows, seen)
        if len(columns) < len(found.scores):
            new = unmatched(len(found.scores), columns)
            new = new[found.scores.take(new) >= self._new_thresh]
            own = None if looks is None else looks.take(new, axis=1)
            started = _start(measured.take(new, axis=1))
            begun = tracks.add(started, found.class_ids.take(new), own)
            seen, columns = np.concatenate((seen, begun), axis=1), np.concatenate((columns, new))
        reported, self.rows = report(seen, cxcywh_to_xyxy(seen[:4]), found, columns)
        return reported

    def state(self) -> bytes:
        """Pack the tracks, and the last image if it is looked at; the inverse of `restore`."""
        if self._flow is None:
            return self._tracks.state()
        packed: bytes = msgpack.packb((self._tracks.state(), self._flow.state()))
        return packed

    def restore(self, state: bytes) -> None:
        """Go on from a packed state; raises ValueError if it is none."""
        if self._flow is None:
            self._tracks.restore(state)
            return
        try:
            tracks, image = msgpack.unpackb(state)
            self._flow.restore(image)
        except (TypeError, ValueError, msgpack.UnpackException) as exc:
            raise ValueError(f"{len(state)} bytes are not this tracker's state: {exc}") from exc
        self._tracks.restore(tracks)

    def _predict(self) -> None:
        """Move all filters one frame ahead; a lost track's width and height stand still.

        Then they are moved with the camera.
        """
        table, filters = self._tracks.table, self._tracks.filters
        filters[3, 2:] *= table[SEEN] == self._tracks.frame_count - 1.0
        predict(filters, _variances(table[2:4], _MOTION))
        if self._motion is not None:
            move_filters(filters, self._motion)
            self._motion = None
        np.maximum(table[2:4], _LEAST_WH, out=table[2:4])

    def _looks(self, found: Found, vectors: npt.NDArray[np.float16] | None) -> Floats | None:
        """Look at the detections of high score: (D, M) vectors; None where nothing is looked at.

        Args:
            found: what can be tracked.
            vectors: (N, D) of all detections, where they have been looked at before.
        """
        image, self._image = self._image, None
        if self._appearance is None:
            if vectors is None:
                return None
            self._tracks.widen(vectors.shape[1])
            return unit(vectors[found.rows].T.astype(np.float64))
        looks = np.zeros((self._appearance.length, len(found.scores)))
        (high,) = (found.scores >= self._gates.high_thresh).nonzero()
        if image is not None and len(high):
            looks[:, high] = self._appearance(image.bgr(), found.xyxy.take(high, axis=1))
        return looks

    def _match(
        self, found: Found, measured: Floats, looks: Floats | None
    ) -> tuple[Indices, Indices]:
        """Run the three rounds; returns tracks, rising, and their detections."""
        table = self._tracks.table
        boxes, areas = cxcywh_to_xyxy(table[:4]), table[2] * table[3]
        iou = overlaps(boxes, areas, found.xyxy, measured[2] * measured[3])
        if not self._options.class_agnostic:
            iou *= table[CLASS_ID][:, None] == found.class_ids
        worth = iou
        if looks is not None:
            gates = self._options.embed_cosine_thresh, self._options.embed_iou_thresh
            worth = with_appearance(iou, table[_LOOK], looks, gates)
        return match_in_rounds(self._tracks, iou, worth, found.scores, self._gates)


def _variances(wh: Floats, share: Floats | float) -> Floats:
    """Variances (..., 4, N) from deviations that are shares of widths and heights (2, N)."""
    deviation = share * np.concatenate((wh, wh))
    return np.asarray(deviation * deviation)


def _start(measured: Floats) -> Floats:
    return start_filters(measured, _variances(measured[2:], _START))
