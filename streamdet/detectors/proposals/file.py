"""Proposals from a file: MOTChallenge text (see mot_text.py), whose scores rank them.

Its frames are those of one source, from 1, without those that are sampled away; which of several
sources an image is of, a detector does not know. Its boxes are in the pixels of the prepared
image.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from streamdet.detectors.proposals import Boxes, inside
from streamdet.formats.mot_text import read_mot
from streamdet.image import Pixels


class FileProposals:
    """Proposes what a file says of a frame; nothing after its last; see `Proposer`."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            ConfigError: it is missing or wrong.
        """
        self._frames = read_mot(path).detections()
        self.name = f"boxes of {path.name}"

    def __call__(self, image: Pixels, most: int, index: int) -> Boxes:
        """Propose the frame's boxes; see `Proposer`."""
        if index >= len(self._frames):
            return np.zeros((0, 4), dtype=np.float32)
        frame = self._frames[index]
        best = np.argsort(-frame.scores, kind="stable")
        return inside(frame.xyxy[best], (image.shape[0], image.shape[1]), most)
