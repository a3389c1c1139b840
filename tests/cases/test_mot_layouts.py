"""MOTChallenge's own folders: seqinfo.ini beside gt.txt, or one folder up."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.errors import ConfigError
from streamdet.evaluation.truths.mot import read_mot_truth, sequence_hw
from streamdet.evaluation.truths.video import check_video_truth

INFO = "[Sequence]\nname=A\nimWidth=200\nimHeight=160\n"


@pytest.mark.parametrize("place", ["gt/gt.txt", "det/det.txt", "gt.txt"])
def test_boxes_are_of_the_size_that_seqinfo_says(tmp_path: Path, place: str) -> None:
    path = tmp_path / place
    path.parent.mkdir(exist_ok=True)
    path.write_text("1,7,21,41,60,80,1,1,1\n")
    (tmp_path / "seqinfo.ini").write_text(INFO)
    [person] = read_mot_truth(path, 1, (80, 100)).objects
    assert person.xywh == (10, 20, 30, 40)


def test_boxes_outside_of_the_video_are_told_where_no_seqinfo_says_more(tmp_path: Path) -> None:
    path = tmp_path / "gt.txt"
    path.write_text("1,7,21,41,60,80,1\n1,8,201,41,60,80,1\n")
    truth = read_mot_truth(path, 1, (80, 100))
    [note] = truth.notes
    assert note.startswith("1 boxes of the truth lie outside of the video's 100 x 80 pixels")
    (tmp_path / "seqinfo.ini").write_text(INFO)
    assert read_mot_truth(path, 1, (80, 100)).notes == ()


def test_a_wrong_truth_is_told_before_the_run(tmp_path: Path) -> None:
    path = tmp_path / "gt.txt"
    path.write_text("frame,id,x1,y1,x2,y2\n1,7,21,41,60,80\n")
    with pytest.raises(ConfigError, match=r"gt\.txt:1: the header calls column 5 'x2'"):
        check_video_truth("v.mp4", path)


def test_the_folder_may_be_the_current_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gt").mkdir()
    (tmp_path / "seqinfo.ini").write_text(INFO)
    monkeypatch.chdir(tmp_path / "gt")
    assert sequence_hw(Path("gt.txt")) == (160, 200)


def test_the_nearest_seqinfo_counts(tmp_path: Path) -> None:
    (tmp_path / "gt").mkdir()
    (tmp_path / "seqinfo.ini").write_text(INFO)
    (tmp_path / "gt" / "seqinfo.ini").write_text(INFO.replace("200", "400"))
    assert sequence_hw(tmp_path / "gt" / "gt.txt") == (160, 400)


@pytest.mark.parametrize(
    "text", [INFO.upper(), INFO.lower(), INFO.replace("=", " = "), INFO.replace("160", "160.0")]
)
def test_letters_and_blanks_of_seqinfo_do_not_matter(tmp_path: Path, text: str) -> None:
    (tmp_path / "seqinfo.ini").write_text(text)
    assert sequence_hw(tmp_path / "gt.txt") == (160, 200)


@pytest.mark.parametrize("width", ["0", "1.5", "nan", "inf", "wide"])
def test_a_size_that_is_none_is_refused(tmp_path: Path, width: str) -> None:
    (tmp_path / "seqinfo.ini").write_text(INFO.replace("200", width))
    with pytest.raises(ConfigError, match=r"seqinfo\.ini: .*imWidth and imHeight"):
        sequence_hw(tmp_path / "gt.txt")


@pytest.mark.parametrize("class_ids", [(0,), (0, 1), (3, 4)])
def test_classes_that_another_tool_counts_are_refused(
    tmp_path: Path, class_ids: tuple[int, ...]
) -> None:
    path = tmp_path / "gt.txt"
    path.write_text("".join(f"1,{n},1,1,9,9,1,{each}\n" for n, each in enumerate(class_ids)))
    with pytest.raises(ConfigError, match=r"gt\.txt: its classes are .*, of which 1 is the ped"):
        read_mot_truth(path, 1, (80, 100))
