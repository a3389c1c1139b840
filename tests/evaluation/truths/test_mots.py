"""Ground truth in MOTS text; frames are 4 x 6 pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from streamdet.errors import ConfigError
from streamdet.evaluation.truths.video import check_video_truth, read_video_truth
from streamdet.ops.run_length import encode

HW = (4, 6)


def mask(rows: slice, columns: slice) -> str:
    pixels = np.zeros(HW, np.bool_)
    pixels[rows, columns] = True
    return encode(pixels).decode()


CORNER = mask(slice(1, 3), slice(2, 6))


def gt(folder: Path, *lines: str) -> Path:
    path = folder / "gt.txt"
    path.write_text("\n".join(lines))
    return path


def test_a_mask_is_an_object_with_box_area_and_track(tmp_path: Path) -> None:
    path = gt(tmp_path, f"2 2005 2 4 6 {CORNER}", f"1 1001 1 4 6 {CORNER}")
    check_video_truth("v.mp4", path)
    truth = read_video_truth("v.mp4", path, 3, HW)
    person, car = truth.objects
    assert (person.image_id, person.category_id, person.track_id) == (2, 2, 2005)
    assert (person.xywh, person.area) == ((2.0, 1.0, 4.0, 2.0), 8.0)
    assert person.segmentation == {"size": [4, 6], "counts": CORNER}
    assert truth.categories[car.category_id] == "car"
    assert list(truth.images) == [1, 2, 3]
    assert truth.notes == ("frames of the truth are taken to count from 1",)


def test_a_region_counts_for_no_class_and_a_frame_0_makes_frames_count_from_0(
    tmp_path: Path,
) -> None:
    path = gt(tmp_path, f"0 10000 10 4 6 {CORNER}", f"7 2001 2 4 6 {CORNER}")
    truth = read_video_truth("v.mp4", path, 3, HW)
    assert [(o.image_id, o.category_id, o.is_ignored, o.track_id) for o in truth.objects] == [
        (1, 1, True, None),
        (1, 2, True, None),
    ]
    assert truth.notes[1] == "the truth goes on to frame 8, the video ends at 3"


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ([f"1 2001 2 4 6 {CORNER}", "1 2001 x"], "gt.txt:2: wanted MOTS text"),
        (["1 2001 2 4 6 123P"], "gt.txt: frame 1, id 2001"),
        ([f"1 2001 2 4 6 {CORNER}", f"1 2001 2 4 6 {CORNER}"], "frame 1, id 2001: is there twice"),
        ([f"1 2001 2 4 6 {CORNER}", f"2 2001 2 5 6 {CORNER}"], "the first line 6 x 4: wanted one"),
    ],
)
def test_a_wrong_file_is_one_sentence(tmp_path: Path, lines: list[str], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        check_video_truth("v.mp4", gt(tmp_path, *lines))


def test_masks_of_another_size_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="its masks are for 6 x 4 pixels, the video has 12 x 8"):
        read_video_truth("v.mp4", gt(tmp_path, f"1 2001 2 4 6 {CORNER}"), 1, (8, 12))
