"""Ground truth of a video: which format it comes in is told by what is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from streamdet.errors import ConfigError
from streamdet.evaluation.truth import Truth, TruthObject
from streamdet.evaluation.truths.coco import as_video
from streamdet.evaluation.truths.mot import check_mot_truth, check_same_shape, read_mot_truth
from streamdet.evaluation.truths.mots import checked_mots, is_mots_truth, read_mots_truth
from streamdet.evaluation.truths.street import read_street
from streamdet.sources.scene_uri import SCHEME

_SCALED: Final = (
    "the truth is of another size than the video: boxes are scaled, masks and points do not count"
)
_COUNT_SLACK: Final = 0.02


def check_video_truth(source: str, path: Path | None) -> None:
    """Check, before a long run, that there is a truth for a source.

    Raises:
        ConfigError: there is none, it is neither MOT or MOTS text nor COCO's JSON, or the text is
            wrong.
    """
    if path is None:
        if not source.startswith(SCHEME):
            raise ConfigError(
                f"--truth GT.txt or TRUTH.json is needed: of {source} nobody knows the truth"
            )
        return
    if path.is_dir():
        raise ConfigError(
            f"--truth {path}: is a folder, wanted a file: MOTChallenge's .txt (in its folders"
            " gt/gt.txt) or COCO's .json; `eval model` scores a folder's labels of images"
        )
    if not path.is_file():
        raise ConfigError(f"--truth {path}: there is no such file")
    if path.suffix.lower() not in {".txt", ".json"}:
        raise ConfigError(f"--truth {path}: wanted MOTChallenge's .txt or COCO's .json")
    if path.suffix.lower() == ".txt":
        check = checked_mots if is_mots_truth(path) else check_mot_truth
        check(path)


def read_video_truth(
    source: str, path: Path | None, frame_count: int, hw: tuple[int, int]
) -> Truth:
    """Read the truth of a video; image ids are frame numbers from 1.

    Args:
        source: the video's address, which is the truth of a rendered scene.
        path: MOT or MOTS text, or COCO JSON; None for a rendered scene.
        frame_count: frames of the video; the truth of later ones is left out.
        hw: the video's height and width, pixels; of images whose size the truth does not state too.

    Raises:
        ConfigError: the truth is wrong, or of another shape than the video.
    """
    if path is None:
        return read_street(source, frame_count)
    if path.suffix.lower() == ".txt":
        read = read_mots_truth if is_mots_truth(path) else read_mot_truth
        return read(path, frame_count, hw)
    truth = as_video(path)
    _check_images(truth, frame_count, hw)
    images = {
        n: replace(image, stated_hw=image.stated_hw or hw)
        for n, image in truth.images.items()
        if n <= frame_count
    }
    objects = [each for each in truth.objects if each.image_id in images]
    scaled = tuple(_scaled(each, images[each.image_id].hw, hw) for each in objects)
    notes = truth.notes if scaled == tuple(objects) else (*truth.notes, _SCALED)
    return replace(truth, images=images, objects=scaled, notes=notes)


def _check_images(truth: Truth, frame_count: int, hw: tuple[int, int]) -> None:
    """Check that images may be the frames of a video, whose header may count a little wrong."""
    sizes = {image.stated_hw for image in truth.images.values() if image.stated_hw is not None}
    if len(sizes) > 1:
        raise ConfigError(
            f"{truth.name}: its images are of {len(sizes)} sizes, wanted the frames of one video;"
            " `eval model` scores single images"
        )
    for size in sizes:
        check_same_shape(truth.name, size, hw)
    if abs(len(truth.images) - frame_count) > max(2, _COUNT_SLACK * frame_count):
        raise ConfigError(
            f"{truth.name}: has {len(truth.images)} images, the video {frame_count} frames: wanted"
            " an image for each frame"
        )


def _scaled(each: TruthObject, from_hw: tuple[int, int], hw: tuple[int, int]) -> TruthObject:
    if from_hw == hw:
        return each
    x_scale, y_scale = hw[1] / from_hw[1], hw[0] / from_hw[0]
    x, y, w, h = each.xywh
    return replace(
        each,
        xywh=(x * x_scale, y * y_scale, w * x_scale, h * y_scale),
        area=each.area * x_scale * y_scale,
        segmentation=None,
        keypoints=None,
    )
