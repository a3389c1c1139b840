"""Ground truth of a video: which format it comes in is told by what is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from streamdet.errors import ConfigError
from streamdet.evaluation.truth import Truth, TruthObject
from streamdet.evaluation.truths.coco import as_video
from streamdet.evaluation.truths.mot import read_mot_truth
from streamdet.evaluation.truths.street import read_street
from streamdet.sources.scene_uri import SCHEME


def check_video_truth(source: str, path: Path | None) -> None:
    """Check, before a long run, that there is a truth for a source.

    Raises:
        ConfigError: there is none, or it is neither MOT text nor COCO's JSON.
    """
    if path is None:
        if not source.startswith(SCHEME):
            raise ConfigError(
                f"--truth GT.txt or TRUTH.json is needed: of {source} nobody knows the truth"
            )
        return
    if not path.is_file():
        raise ConfigError(f"--truth {path}: there is no such file")
    if path.suffix.lower() not in {".txt", ".json"}:
        raise ConfigError(f"--truth {path}: wanted MOTChallenge's .txt or COCO's .json")


def read_video_truth(
    source: str, path: Path | None, frame_count: int, hw: tuple[int, int]
) -> Truth:
    """Read the truth of a video; image ids are frame numbers from 1.

    Args:
        source: the video's address, which is the truth of a rendered scene.
        path: MOT text or COCO JSON; None for a rendered scene.
        frame_count: frames of the video; the truth of later ones is left out.
        hw: the video's height and width, pixels.

    Raises:
        ConfigError: the truth is wrong, or of another shape than the video.
    """
    if path is None:
        return read_street(source, frame_count)
    if path.suffix.lower() == ".txt":
        return read_mot_truth(path, frame_count, hw)
    truth = as_video(path)
    images = {n: image for n, image in truth.images.items() if n <= frame_count}
    scaled = (_scaled(each, truth, hw) for each in truth.objects if each.image_id in images)
    return replace(truth, images=images, objects=tuple(scaled))


def _scaled(each: TruthObject, truth: Truth, hw: tuple[int, int]) -> TruthObject:
    height, width = truth.images[each.image_id].hw
    x_scale, y_scale = hw[1] / width, hw[0] / height
    x, y, w, h = each.xywh
    xywh = x * x_scale, y * y_scale, w * x_scale, h * y_scale
    return replace(each, xywh=xywh, area=each.area * x_scale * y_scale)
