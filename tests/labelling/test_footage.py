"""Frames that are looked at."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from streamdet.detections import Detections
from streamdet.image import Pixels
from streamdet.labelling.following import untracked
from streamdet.labelling.footage import Images, look_at
from streamdet.labelling.labeller import ByDetector
from streamdet.sources import Position
from streamdet.sources.sampling import SamplingOptions
from streamdet.sources.synthetic import SyntheticSource


def detect(pixels: Pixels) -> Detections:
    """A box, and a sliver at the left edge."""
    assert pixels.shape == (64, 96, 3)
    xyxy = np.array([[10, 10, 30, 30], [0, 10, 0.5, 30]], np.float32)
    return Detections(xyxy, np.ones(2, np.float32), np.zeros(2, np.int64))


def test_every_frame_is_looked_at_and_some_are_written(tmp_path: Path) -> None:
    uri = "synthetic:street?frames=8&hw=64x96"
    source = SyntheticSource(uri, SamplingOptions(every=2))
    images = Images(tmp_path / "images", "street", keep_every=3)
    seen = list(look_at(source.frames(Position()), ByDetector(detect, untracked, 0.5).see, images))
    assert [(frame.number, frame.file_name) for frame in seen] == [
        (0, "street-000000.jpg"),
        (2, None),
        (4, None),
        (6, "street-000006.jpg"),
    ]
    assert {path.name for path in (tmp_path / "images").iterdir()} == {
        "street-000000.jpg",
        "street-000006.jpg",
    }
    assert seen[0].hw == (64, 96)
    assert [frame.found.xyxy.tolist() for frame in seen] == [[[10, 10, 30, 30]]] * 4


def test_an_image_is_what_was_looked_at(tmp_path: Path) -> None:
    rng = np.random.default_rng(0).integers(0, 256, (8, 12, 3), np.uint8)
    pixels = cv2.resize(rng, (96, 64), interpolation=cv2.INTER_CUBIC)
    name = Images(tmp_path, "a").write(7, np.asarray(pixels, np.uint8))
    written = cv2.imread(str(tmp_path / name))
    assert written is not None
    assert np.abs(written.astype(int) - pixels).mean() < 4
