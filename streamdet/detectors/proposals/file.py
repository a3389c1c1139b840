"""Proposals from a file: MOTChallenge text (see mot_text.py), whose scores rank them.

Its frames count the pictures that the detector is given, from 1: a detector knows no names of
pictures. So the file fits one source, read once from its start by one detector without replicas.
Its boxes are in the pixels of the prepared picture.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from streamdet.detectors.proposals import Boxes, inside
from streamdet.image import Pixels
from streamdet.mot_text import read_mot


class FileProposals:
    """Proposes what a file says, picture by picture; none after its last; see `Proposer`."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            ConfigError: it is missing or wrong.
        """
        self._frames = iter(read_mot(path).detections())
        self.name = f"boxes of {path.name}"

    def __call__(self, image: Pixels, most: int) -> Boxes:
        """Propose the next frame's boxes; see `Proposer`."""
        frame = next(self._frames, None)
        if frame is None:
            return np.zeros((0, 4), dtype=np.float32)
        best = np.argsort(-frame.scores, kind="stable")
        return inside(frame.xyxy[best], (image.shape[0], image.shape[1]), most)
