"""Ground truth of videos: MOT text, COCO's JSON and the rendered street."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.errors import ConfigError
from streamdet.evaluation.truths.video import check_video_truth, read_video_truth
from streamdet.sources.scene_uri import parse_scene
from streamdet.sources.street import Street
from tests.evaluation.scenes import coco_dict, write_json

STREET = "synthetic:street?hw=120x160&frames=5"


def gt(folder: Path, *lines: str) -> Path:
    path = folder / "gt.txt"
    path.write_text("\n".join(lines))
    return path


def test_boxes_of_a_sequence_are_scaled_to_the_video(tmp_path: Path) -> None:
    (tmp_path / "seqinfo.ini").write_text("[Sequence]\nimWidth=768\nimHeight=576\n")
    path = gt(tmp_path, "2,9,17,33,32,64,1,-1,-1,-1")  # from pixel 1: left 16, top 32
    truth = read_video_truth("v.avi", path, 3, (360, 480))
    [person] = truth.objects
    assert person.xywh == pytest.approx((10.0, 20.0, 20.0, 40.0))
    assert (person.image_id, person.track_id) == (2, 9)
    assert list(truth.images) == [1, 2, 3]


def test_a_sequence_of_another_shape_is_refused(tmp_path: Path) -> None:
    (tmp_path / "seqinfo.ini").write_text("[Sequence]\nimWidth=768\nimHeight=576\n")
    with pytest.raises(ConfigError, match="its frames are 768 x 576 pixels, the video's 640 x 360"):
        read_video_truth("v.avi", gt(tmp_path, "1,9,17,33,32,64,1"), 3, (360, 640))


def test_flag_0_and_look_alikes_do_not_count_and_cars_are_left_out(tmp_path: Path) -> None:
    lines = [f"1,{n},1,1,9,9,{flag},{class_id},1" for n, flag, class_id in
             [(1, 1, 1), (2, 0, 1), (3, 0, 7), (4, 0, 3)]]  # fmt: skip
    objects = read_video_truth("v.avi", gt(tmp_path, *lines), 1, (80, 90)).objects
    assert [each.is_ignored for each in objects] == [False, True, True]
    assert [each.track_id for each in objects] == [1, None, 3]  # 3 forgives tracks, 2 does not


def test_truth_after_the_video_s_end_is_left_out_and_noted(tmp_path: Path) -> None:
    path = gt(tmp_path, "1,1,1,1,9,9,1", "8,1,1,1,9,9,1")
    truth = read_video_truth("v.avi", path, 2, (80, 90))
    assert len(truth.objects) == 1
    assert truth.notes == ("the truth goes on to frame 8, the video ends at 2",)


@pytest.mark.parametrize("text", ["[Sequence]\nimWidth=9\n", "imWidth=9", "[Sequence]\nimWidth=x"])
def test_a_wrong_seqinfo_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "seqinfo.ini").write_text(text)
    with pytest.raises(ConfigError, match="wanted imWidth and imHeight"):
        read_video_truth("v.avi", gt(tmp_path), 2, (80, 90))


def test_the_street_knows_its_own_truth() -> None:
    truth = read_video_truth(STREET, None, 5, (120, 160))
    street = Street(parse_scene(STREET)).truth(4)
    last = [each for each in truth.objects if each.image_id == 5]
    assert len(last) == len(street) > 0
    x1, y1, x2, y2 = street.xyxy[0].tolist()
    assert last[0].xywh == (x1, y1, x2 - x1, y2 - y1)
    assert [each.is_difficult for each in last] == (street.scores < 0.25).tolist()
    assert set(truth.categories.values()) == {"person", "car"}


def test_a_json_truth_is_scaled_too(tmp_path: Path) -> None:
    path = write_json(tmp_path / "t.json", coco_dict())  # 80 x 90
    [cat] = read_video_truth("v.avi", path, 1, (160, 180)).objects
    assert (cat.xywh, cat.area) == ((20.0, 40.0, 80.0, 80.0), 6400.0)


def test_masks_of_a_json_truth_count_where_it_is_of_the_video_s_size(tmp_path: Path) -> None:
    content = coco_dict()
    content["annotations"][0]["segmentation"] = [[10, 20, 50, 20, 50, 60]]
    path = write_json(tmp_path / "t.json", content)  # 80 x 90
    truth = read_video_truth("v.avi", path, 1, (80, 90))
    assert (truth.objects[0].segmentation is None, truth.notes) == (False, ())
    scaled = read_video_truth("v.avi", path, 1, (160, 180))
    assert scaled.objects[0].segmentation is None
    assert [note[:44] for note in scaled.notes] == ["the truth is of another size than the video:"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (None, "--truth GT.txt or TRUTH.json is needed"),
        ("no.txt", "there is no such file"),
        ("gt.csv", "wanted MOTChallenge's .txt or COCO's .json"),
    ],
)
def test_a_missing_truth_is_told_before_the_run(
    tmp_path: Path, name: str | None, sentence: str
) -> None:
    (tmp_path / "gt.csv").touch()
    with pytest.raises(ConfigError, match=sentence):
        check_video_truth("v.avi", None if name is None else tmp_path / name)
