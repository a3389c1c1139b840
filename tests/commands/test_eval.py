"""`streamdet eval`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from streamdet.cli import main
from streamdet.commands import eval_model
from streamdet.errors import ConfigError
from tests.commands.constant_model import write_constant_model
from tests.evaluation.scenes import coco_dict, write_json
from tests.redis_server import RedisServer

FOUND = {"image_id": 1, "category_id": 7, "bbox": [10, 20, 40, 40], "score": 0.9}


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    """A truth of one person in one image, which is in images/."""
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), np.zeros((80, 90, 3), np.uint8))
    content = coco_dict() | {"categories": [{"id": 7, "name": "person"}]}
    return write_json(tmp_path / "truth.json", content)


def results(truth: Path, *more: str, found: Any = (FOUND,)) -> int:
    path = write_json(truth.with_name("results.json"), list(found))
    return main(["eval", "results", str(path), "--truth", str(truth), *more])


def test_results_are_scored_printed_written_and_drawn(
    truth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, plots = truth.with_name("out.json"), truth.with_name("plots")
    assert results(truth, "--json", str(out), "--plots", str(plots)) == 0
    metrics = json.loads(out.read_text())["bbox"]
    assert metrics["coco"]["all"]["AP"] == pytest.approx(1.0)
    assert metrics["coco"]["all"]["AP_small"] is None
    assert metrics["voc"]["ap_11_point"] == 1.0
    assert metrics["confusion"]["cells"] == [
        {"truth": "person", "found": "person", "size": "medium", "count": 1}
    ]
    assert sorted(path.name for path in plots.iterdir()) == ["all-bbox.png", "person-bbox.png"]
    printed = capsys.readouterr().out
    assert "1 images, 1 objects, 1 results" in printed
    assert "bbox       AP 1.000  AP50 1.000" in printed


def test_masks_are_scored_as_masks(truth: Path) -> None:
    square = [[10, 20, 50, 20, 50, 60, 10, 60]]
    content = json.loads(truth.read_text())
    content["annotations"][0]["segmentation"] = square
    write_json(truth, content)
    out = truth.with_name("out.json")
    mask = FOUND | {"segmentation": square}
    assert results(truth, "--type", "segm", "--json", str(out), found=[mask]) == 0
    assert json.loads(out.read_text())["segm"]["coco"]["all"]["AP"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"image_id": 5}, "results.json[0].image_id: 5 is not in"),
        ({"category_id": 5}, "results.json[0].category_id: 5 is not in"),
        ({"bbox": [1, 2, float("nan"), 4]}, "results.json[0].bbox: must be 4 finite numbers"),
    ],
)
def test_wrong_results_are_one_sentence(
    truth: Path, change: dict[str, Any], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert results(truth, found=[FOUND | change]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert sentence in line


@pytest.mark.parametrize("name", ["no.json", "images"])
def test_a_truth_of_no_format_is_one_sentence(
    truth: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert results(truth.with_name(name)) == 2
    assert "wanted COCO's .json file, a folder of VOC's .xml" in capsys.readouterr().err


def test_what_is_read_is_not_overwritten(truth: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert results(truth, "--json", str(truth)) == 2
    assert "must differ from the files that are read" in capsys.readouterr().err


def test_a_missing_extra_is_one_sentence(
    truth: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "motmetrics", None)
    assert results(truth) == 2
    assert "needs motmetrics: pip install -e '.[evaluation]'" in capsys.readouterr().err


def model(truth: Path, *more: str, name: str = "hog_people") -> int:
    images = str(truth.with_name("images"))
    return main(["eval", "model", name, "--truth", str(truth), "--images", images, *more])


def test_a_model_is_run_over_the_images(truth: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, name = truth.with_name("out.json"), write_constant_model(truth.parent, score=0.2)
    assert model(truth, "--json", str(out), "--set", "score_thresh=0.1", name=name) == 0
    metrics = json.loads(out.read_text())["bbox"]
    assert metrics["about"]["model"] == "constant"
    assert metrics["coco"]["all"]["AP"] == pytest.approx(1.0)
    assert "model constant, runtime onnxruntime" in capsys.readouterr().out
    assert model(truth, "--set", "score_thresh=0.3", name=name) == 0
    assert "1 objects, 0 results" in capsys.readouterr().out


def thresholds(truth: Path, name: str, *more: str) -> int:
    images = str(truth.with_name("images"))
    return main(["eval", "thresholds", name, "--source", images, "--truth", str(truth), *more])


def test_each_threshold_is_tried_on_what_was_found_once(
    truth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The one person has a box of score .4."""
    name = write_constant_model(truth.parent, score=0.4)
    assert thresholds(truth, name) == 0
    lines = capsys.readouterr().out.splitlines()
    boxes = [line.split() for line in lines if line.startswith("  boxes")]
    assert [row[4] for row in boxes] == ["1.000"] * 5 + ["0.000"] * 10  # .20 to .40, .45 to .90
    assert not [line for line in lines if line.startswith("  tracks")]


def test_thresholds_want_a_truth_for_each_source(
    truth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert thresholds(truth, "hog_people", "--source", "more.mp4") == 2
    assert "wanted a --truth for each --source, got 1 for 2" in capsys.readouterr().err
    assert thresholds(truth, "hog_people", "--source", "more.mp4", "--truth", "gt.txt") == 2
    assert "--truth gt.txt: there is no such file" in capsys.readouterr().err


def test_scores_that_the_network_keeps_to_itself_are_told_of(
    truth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = "keeps scores only from 0.05 on"
    assert model(truth, name=write_constant_model(truth.parent, score=0.02)) == 0
    printed = capsys.readouterr().out
    assert "1 objects, 1 results" in printed
    assert told not in printed
    network = {"iou_thresh": 0.5}  # and keeps scores from 0.05 on
    assert model(truth, name=write_constant_model(truth.parent, score=0.02, network=network)) == 0
    printed = capsys.readouterr().out
    assert "1 objects, 0 results" in printed
    assert told in printed


def test_a_model_with_masks_is_scored_by_boxes_and_by_masks(truth: Path) -> None:
    content = json.loads(truth.read_text())
    content["annotations"][0]["segmentation"] = [[10, 20, 50, 20, 50, 60, 10, 60]]
    write_json(truth, content)
    mask = np.zeros((40, 40), np.float32)
    mask[:, :21] = 1.0  # somewhat more than the left half of the object
    out, name = truth.with_name("out.json"), write_constant_model(truth.parent, mask=mask)
    assert model(truth, "--json", str(out), name=name) == 0
    metrics = json.loads(out.read_text())
    aps = {kind: scores["coco"]["all"]["AP"] for kind, scores in metrics.items()}
    assert aps == pytest.approx({"bbox": 1.0, "segm": 0.1})  # IoU 0.525: one threshold of ten


def test_what_a_model_found_is_written_as_results_that_score_alike(
    truth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, found = write_constant_model(truth.parent), truth.with_name("found.json")
    assert model(truth, "--results", str(found), name=name) == 0
    [entry] = json.loads(found.read_text())
    assert (entry["image_id"], entry["category_id"]) == (1, 7)
    assert main(["eval", "results", str(found), "--truth", str(truth)]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("bbox ")]
    assert lines[0] == lines[1]
    assert model(truth, "--results", str(truth), name=name) == 2
    both = ["--results", str(found), "--json", str(found)]
    assert model(truth, *both, name=name) == 2
    assert "must differ from --json" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--classes", "car"], "--classes: model 'hog_people' has no class 'car'"),
        (["--set", "scor_thresh=1"], "did you mean 'score_thresh'?"),
        (["--set", "score_thresh=2"], "--set score_thresh=2: score_thresh must be at most 1"),
    ],
)
def test_a_wrong_argument_is_one_sentence(
    truth: Path, more: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert model(truth, *more) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert sentence in line


def test_a_truth_that_shares_no_class_with_the_model_is_one_sentence(
    truth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_json(truth, coco_dict())
    assert model(truth) == 2
    assert "it has cat, the model person" in capsys.readouterr().err


def test_classes_that_the_model_does_not_know_are_left_out_and_noted(
    truth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = json.loads(truth.read_text())
    content["categories"].append({"id": 8, "name": "cat"})
    content["annotations"].append({"image_id": 1, "category_id": 8, "bbox": [1, 1, 9, 9]})
    write_json(truth, content)
    assert model(truth) == 0
    printed = capsys.readouterr().out
    assert "1 class of the truth is not among those of the model and does not count: cat" in printed
    assert printed.index("note: 1 class") < printed.index("AP ")
    assert "1 images, 1 objects" in printed


def test_a_pipeline_is_scored_against_the_street_s_own_truth(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    source = "synthetic:street?frames=12&hw=240x320"
    assert main(["eval", "pipeline", "people", "--source", source, "--json", str(out)]) == 0
    metrics = json.loads(out.read_text())["bbox"]
    assert metrics["images"] == 12
    assert set(metrics["objects"]) == {"person"}  # the graph looks for people only
    assert set(metrics["tracking"]) == {"person", "all"}
    assert "MOTA" in capsys.readouterr().out


def test_tracks_are_scored_as_an_archive_makes_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = "synthetic:street?frames=12&hw=240x320"
    arguments = ["eval", "pipeline", "people", "--source", source, "--set", "track.offline=true"]
    out = tmp_path / "out.json"
    assert main([*arguments, "--json", str(out)]) == 0
    assert "as an archive makes them" in json.loads(out.read_text())["bbox"]["about"]["offline"]
    capsys.readouterr()
    assert main([*arguments, "--output", str(tmp_path / "o.txt")]) == 2
    assert "`streamdet archive` writes the better ones" in capsys.readouterr().err


def test_a_pipeline_is_scored_through_the_server_that_is_named(redis_server: RedisServer) -> None:
    source = "synthetic:street?frames=3&hw=240x320"
    before = redis_server.client().info("stats")["total_commands_processed"]
    assert (
        main(["eval", "pipeline", "people", "--source", source, "--redis", redis_server.url]) == 0
    )
    assert redis_server.client().info("stats")["total_commands_processed"] > before + 10


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "wanted one --source, the video of the truth, got 0"),
        (["--source", "v.mp4", "--redis", "http://x"], "must be embedded, redis://"),
        (["--source", "v.mp4", "--deploy", "no"], "'no' is none of configs/deploy"),
        (["--source", "v.mp4"], "--truth GT.txt or TRUTH.json is needed"),
        (["--source", "v.mp4", "--truth", "no.txt"], "--truth no.txt: there is no such file"),
        (["--source", "synthetic:street?frames=3", "--set", "camera.every=2"],
         "leaves out 1 of 3 frames, wanted all"),
    ],
)  # fmt: skip
def test_a_pipeline_that_cannot_be_scored_is_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", "pipeline", "people", *arguments]) == 2
    assert sentence in capsys.readouterr().err


def test_classes_that_are_not_kept_cannot_be_measured() -> None:
    classes_asked = eval_model.classes_asked
    assert classes_asked(None, ("car",)) == ("car",)
    assert classes_asked("person,car", None) == ["person", "car"]
    with pytest.raises(ConfigError, match="--classes: 'person' is not among --set classes: car"):
        classes_asked("person", ("car",))
