"""Ground truth in COCO's format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamdet.errors import ConfigError
from streamdet.evaluation.truths.coco import as_video, read_coco
from tests.evaluation.scenes import coco_dict, write_json

NAN = float("nan")


def test_area_and_iscrowd_may_be_left_out(tmp_path: Path) -> None:
    [cat] = read_coco(write_json(tmp_path / "t.json", coco_dict())).objects
    assert (cat.area, cat.is_ignored, cat.segmentation) == (1600.0, False, None)


def test_ignore_regions_and_masks_are_read(tmp_path: Path) -> None:
    content = coco_dict()
    rle = {"size": [80, 90], "counts": [7200]}
    content["annotations"][0] |= {"iscrowd": 1, "segmentation": rle, "area": 5}
    [cat] = read_coco(write_json(tmp_path / "t.json", content)).objects
    assert (cat.is_crowd, cat.area, cat.segmentation) == (True, 5.0, rle)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"image_id": 3}, "annotations[0].image_id: there is no image 3"),
        ({"category_id": 1}, "annotations[0].category_id: there is no category 1"),
        ({"bbox": [1, 2, NAN, 4]}, "annotations[0].bbox: must be 4 finite numbers, got [1, 2, NaN"),
        ({"bbox": [1, 2, 3]}, "annotations[0].bbox: must be 4 finite numbers, got [1, 2, 3]"),
        ({"bbox": [1, 2, -3, 4]}, "width and height of 0 or more, got [1, 2, -3, 4]"),
        ({"image_id": "a"}, 'annotations[0].image_id: must be a whole number, got "a"'),
        ({"area": 10**400}, "annotations[0].area: must be a finite number"),
        ({"segmentation": [[1, 2]]}, "annotations[0].segmentation: polygons must be lists of"),
        ({"segmentation": "x"}, "must be polygons or run lengths with size and counts"),
        (
            {"segmentation": {"size": [8, 9], "counts": [72]}},
            "segmentation.size: must be the image's height and width, [80, 90], got [8, 9]",
        ),
        (
            {"segmentation": {"size": [80, 90], "counts": [3, 4]}},
            "segmentation.counts: must add up to the image's 7200 pixels, got 7",
        ),
    ],
)
def test_a_wrong_annotation_is_named(tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    content = coco_dict()
    content["annotations"][0] |= change
    with pytest.raises(ConfigError) as caught:
        read_coco(write_json(tmp_path / "t.json", content))
    assert sentence in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path}/t.json: annotations[0]")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{\n,", "t.json:2: is not JSON"),
        ("[]", "wanted COCO's images, categories and annotations"),
        (
            '{"annotations": 3, "images": [], "categories": []}',
            "annotations: must be a list, got 3",
        ),
        ('{"annotations": [], "images": [3]}', "images[0]: must be keys and values, got 3"),
        ("{\n\ud800", "t.json:2: must be UTF-8, got byte 0xed: save it as UTF-8"),
        ("[" * 100_000, "t.json: is nested too deeply"),
    ],
)
def test_another_file_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "t.json"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    with pytest.raises(ConfigError) as caught:
        read_coco(path)
    assert sentence in str(caught.value)


@pytest.mark.parametrize("key", ["images", "categories"])
def test_an_id_that_is_there_twice_is_refused(tmp_path: Path, key: str) -> None:
    content = coco_dict()
    content[key] *= 2
    with pytest.raises(ConfigError, match=f"{key}: .* is there twice"):
        read_coco(write_json(tmp_path / "t.json", content))


def test_a_video_s_frames_are_in_the_order_of_frame_id(tmp_path: Path) -> None:
    frames = [{"id": 8 - n, "file_name": f"{n}", "height": 80, "width": 90, "frame_id": n}
              for n in range(3)]  # fmt: skip
    content = coco_dict() | {"images": frames[::-1]}
    content["annotations"][0] |= {"image_id": 7, "instance_id": 4}
    truth = as_video(write_json(tmp_path / "t.json", content))
    assert [image.file_name for image in truth.images.values()] == ["0", "1", "2"]
    assert [(each.image_id, each.track_id) for each in truth.objects] == [(2, 4)]
