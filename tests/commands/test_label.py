"""`streamdet label`."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from streamdet.cli import main
from streamdet.evaluation.images import find_images
from streamdet.evaluation.truths.coco import read_coco
from streamdet.evaluation.truths.street import read_street
from streamdet.training.examples import Faults, examples_of
from streamdet.training.recipe import TrainingSource

STREET = "synthetic:street?frames=6&hw=240x320"


def labels_of(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "labels.json").read_text())
    return content


@pytest.mark.data
def test_a_video_and_a_scene_become_images_and_labels(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STREAMDET_MODELS", str(data / "weights"))
    video, out = str(data / "videos" / "people-street.mp4"), tmp_path / "out"
    arguments = ["--classes", "person,car", "--max-frames", "6", "--keep-every", "3"]
    arguments += ["--model", "yolox_nano"]
    assert main(["label", video, STREET, STREET, "--output", str(out), *arguments]) == 0
    assert f"{out}: 6 images, " in capsys.readouterr().out
    truth = read_coco(out / "labels.json")
    names = [image.file_name for image, _ in find_images(truth, out / "images")]
    assert names == [
        *("people-street-000000.jpg", "people-street-000003.jpg", "street-000000.jpg"),
        *("street-000003.jpg", "street-2-000000.jpg", "street-2-000003.jpg"),
    ]
    assert truth.categories == {1: "person", 3: "car"}
    # Two people walk through the first frames of the video.
    people = [each for each in truth.objects if each.image_id == 2 and not each.is_ignored]
    assert len({each.track_id for each in people}) == 2
    info = labels_of(out)["info"]
    assert (info["model"], info["ignore_thresh"], info["is_complete"]) == ("yolox_nano", 0.3, True)
    assert info["sha256"].startswith("695e750a")
    source = TrainingSource(truth=out / "labels.json", images=out / "images")
    examples = examples_of(source, ("person", "car"), Faults(are_skipped=False))
    assert [len(each.objects) for each in examples[:2]] == [2, 2]
    assert [each.read(has_masks=False).pixels.shape for each in examples[1:3]] == [
        (360, 626, 3),
        (240, 320, 3),
    ]

    assert main(["label", STREET, "--output", str(out)]) == 2
    assert "holds something already, wanted an empty folder" in capsys.readouterr().err


def test_images_of_a_folder_are_no_video(tmp_path: Path) -> None:
    folder, out = tmp_path / "stills", tmp_path / "out"
    folder.mkdir()
    for name in ("a.png", "b.png", "c.png"):
        cv2.imwrite(str(folder / name), np.zeros((150, 100, 3), np.uint8))
    arguments = ["--output", str(out), "--model", "hog_people", "--every", "2"]
    assert main(["label", str(folder), *arguments]) == 0
    assert [image["file_name"] for image in labels_of(out)["images"]] == [
        "stills-000000.jpg",
        "stills-000002.jpg",
    ]
    assert labels_of(out)["info"]["sha256"] is None


def test_of_scenes_what_is_true_is_written_without_any_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAMDET_MODELS", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "no-models"))
    sampling = ["--every", "2", "--keep-every", "2", "--max-frames", "3"]
    out = tmp_path / "out"
    arguments = ["--output", str(out), "--classes", "bicycle,car,person,tram", *sampling]
    assert main(["label", "--exact", STREET, f"{STREET}&seed=3", *arguments]) == 0
    content = labels_of(out)
    assert [image["file_name"] for image in content["images"]] == [
        *("street-000000.jpg", "street-000004.jpg"),
        *("street-2-000000.jpg", "street-2-000004.jpg"),
    ]
    # COCO's numbers; a tram comes after its 90.
    categories = {each["id"]: each["name"] for each in content["categories"]}
    assert categories == {1: "person", 2: "bicycle", 3: "car", 91: "tram"}
    exact, labelled = read_street(f"{STREET}&seed=3", 5), read_coco(out / "labels.json")
    assert [
        (labelled.categories[each.category_id], each.xywh, each.is_ignored)
        for each in labelled.objects
        if each.image_id == 4
    ] == [
        (exact.categories[each.category_id], each.xywh, each.is_ignored)
        for each in exact.objects
        if each.image_id == 5
    ]


def test_only_what_is_asked_for_is_written_of_a_scene(tmp_path: Path) -> None:
    assert (
        main(
            ["label", "--exact", f"{STREET}&seed=3", "--output", str(tmp_path), "--classes", "car"]
        )
        == 0
    )
    content = labels_of(tmp_path)
    assert [each["name"] for each in content["categories"]] == ["car"]
    assert {each["category_id"] for each in content["annotations"]} == {3}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["."], ".: --exact wants a rendered scene, synthetic:street?..."),
        (["--tracker", "sort"], "--tracker: is of a detector, and --exact asks none"),
        (["--score-thresh", "0.5"], "--score-thresh: is of a detector, and --exact asks none"),
        (["--classes", "car,,bus"], "--classes must be names with commas between"),
    ],
)
def test_a_truth_that_nobody_knows_is_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    sentence: str,
) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((8, 8, 3), np.uint8))
    monkeypatch.chdir(tmp_path)
    assert main(["label", STREET, *arguments, "--exact", "--output", "out"]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1
    assert sentence in errors[0]
    assert not (tmp_path / "out").exists()


def test_a_stop_leaves_the_labels_of_what_was_seen(tmp_path: Path) -> None:
    out, endless = tmp_path / "out", "synthetic:street?frames=100000&hw=240x320"
    arguments = [endless, STREET, "--output", str(out), "--model", "hog_people"]
    command = [sys.executable, "-m", "streamdet.cli", "label", *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        wait_until((out / "images" / "street-000001.jpg").exists)
        process.send_signal(signal.SIGINT)
    assert process.returncode == 130
    content = labels_of(out)
    written = sorted(path.name for path in (out / "images").iterdir())
    assert [image["file_name"] for image in content["images"]] == written
    assert 2 <= len(written) < 100_000
    assert content["info"]["is_complete"] is False


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_source_that_cannot_be_read_does_not_keep_others_from_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video at all")
    arguments = ["--output", str(tmp_path / "out"), "--model", "hog_people", "--max-frames", "2"]
    assert main(["label", str(broken), STREET, *arguments]) == 1
    assert "error: broken: " in capsys.readouterr().err
    content = labels_of(tmp_path / "out")
    assert len(content["images"]) == 2
    assert content["info"]["is_complete"] is False


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--keep-every", "0"], "--keep-every must be 1 or more, got 0"),
        (["--score-thresh", "1.5"], "--score-thresh must be above 0 and at most 1, got 1.5"),
        (["--ignore-thresh", "0.7"], "--ignore-thresh must be above 0 and at most --score-thresh"),
        (["--every", "0"], "--every: every must be at least 1, got 0"),
        (["--classes", "persn"], "has no class 'persn', did you mean 'person'?"),
        (["--set", "score_thresh=0.1"], "--set score_thresh: say it with --ignore-thresh"),
    ],
)
def test_a_wrong_argument_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    out = tmp_path / "out"
    assert main(["label", STREET, "--output", str(out), "--model", "hog_people", *arguments]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1
    assert sentence in errors[0]
    assert not out.exists()
