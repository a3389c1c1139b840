"""A truth that is not of the video is refused before the run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streamdet.cli import main

VIDEO = "synthetic:street?frames=20&hw=120x160"


def coco(folder: Path, sizes: list[tuple[int, int]]) -> Path:
    """A truth with an image of each height and width, and a person in each."""
    truth = {
        "images": [
            {"id": n, "file_name": f"{n}.jpg", "height": height, "width": width}
            for n, (height, width) in enumerate(sizes)
        ],
        "categories": [{"id": 1, "name": "person"}],
        "annotations": [
            {"id": n, "image_id": n, "category_id": 1, "bbox": [1, 1, 20, 50]}
            for n in range(len(sizes))
        ],
    }
    (folder / "truth.json").write_text(json.dumps(truth))
    return folder / "truth.json"


def error_of(capsys: pytest.CaptureFixture[str], truth: Path) -> str:
    arguments = ["--source", VIDEO, "--truth", str(truth), "--set", "detect.model=hog_people"]
    assert main(["eval", "pipeline", "people", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""  # no run has begun
    (line,) = said.err.splitlines()
    return line


@pytest.mark.parametrize(
    ("sizes", "sentence"),
    [
        ([(120, 160)] * 5, "has 5 images, the video 20 frames: wanted an image for each frame"),
        ([(120, 160)] * 40, "has 40 images, the video 20 frames: wanted an image for each frame"),
        ([(120, 160), (90, 90)] * 10, "its images are of 2 sizes, wanted the frames of one video"),
        ([(90, 90)] * 20, "its frames are 90 x 90 pixels, the video's 160 x 120"),
    ],
)
def test_images_that_are_no_frames_of_the_video_are_refused(
    sizes: list[tuple[int, int]],
    sentence: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert sentence in error_of(capsys, coco(tmp_path, sizes))


def test_a_sequence_of_another_shape_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "seqinfo.ini").write_text("[Sequence]\nimWidth=90\nimHeight=90\n")
    (tmp_path / "gt.txt").write_text("1,1,1,1,20,50,1\n")
    assert "its frames are 90 x 90 pixels" in error_of(capsys, tmp_path / "gt.txt")


def test_a_folder_is_called_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"--truth {tmp_path}: is a folder, wanted a file" in error_of(capsys, tmp_path)


def test_the_truth_of_each_frame_is_scored(tmp_path: Path) -> None:
    truth = coco(tmp_path, [(240, 320)] * 20)  # of another size, but one shape
    arguments = ["--source", VIDEO, "--truth", str(truth), "--set", "detect.model=hog_people"]
    assert main(["eval", "pipeline", "people", *arguments]) == 0
