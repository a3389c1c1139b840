"""What is measured with: clips, images and weights of the developers' test data."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from streamdet.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Material:
    """A folder of test data, as ../shared/data is."""

    folder: Path

    @property
    def clip(self) -> Path:
        """795 frames of 576x768: people on a lawn."""
        return self.folder / "videos" / "pets09-s2l1.avi"

    @property
    def short_clip(self) -> Path:
        """8 frames, which cost a run little more than its start."""
        return self.folder / "videos" / "crossing-1080p.mp4"

    @property
    def large_clip(self) -> Path:
        """200 frames of 1080x1920."""
        return self.folder / "videos" / "crossing-1080p-long.mp4"

    @property
    def live_clip(self) -> Path:
        """221 frames of 540x960 at 25 fps."""
        return self.folder / "videos" / "driving.mp4"

    @property
    def models(self) -> Path:
        """Weights, for STREAMDET_MODELS."""
        return self.folder / "weights"

    @property
    def images(self) -> Path:
        """A data set in COCO's format."""
        return self.folder / "datasets" / "coco-mini"

    @property
    def tracks(self) -> Path:
        """Detections and truth in MOTChallenge's format."""
        return self.folder / "mot"

    @property
    def environ(self) -> dict[str, str]:
        """The environment of what is measured."""
        return os.environ | {"STREAMDET_MODELS": str(self.models)}


def find_material(stated: Path | None) -> Material:
    """Find the test data: as stated, else STREAMDET_TEST_DATA, else ../shared/data.

    Raises:
        ConfigError: there is none.
    """
    folder = stated or Path(os.environ.get("STREAMDET_TEST_DATA") or "../shared/data")
    if not (folder / "videos").is_dir():
        raise ConfigError(
            f"--data: {folder} holds no test data (videos/, weights/, ...): name its folder with"
            " --data or STREAMDET_TEST_DATA"
        )
    return Material(folder.resolve())
