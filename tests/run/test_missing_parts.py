"""What a detector lacks is told before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.cli import main
from tests.models.built_file import write_built_file

CHECK = ["check", "pipelines/people.yaml", "--set", "detect.classes=[person]"]


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of built networks, all of them there except an RPN's."""
    folder = tmp_path / "models"
    folder.mkdir()
    for name in ("fast_rcnn_resnet18", "yolox_nano_untrained"):
        write_built_file(folder, name)
    monkeypatch.setenv("STREAMDET_MODELS", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


def check(*options: str) -> int:
    return main([*CHECK, *(part for option in options for part in ("--set", option))])


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("detect.score_thresh=0.01", "score_thresh must be at least 0.05, got 0.01"),
        ("detect.max_detections=200", "max_detections must be at most 100, got 200"),
        ("detect.iou_thresh=0.6", "iou_thresh 0.3 is built into the network"),
    ],
)
def test_what_the_network_cannot_follow_is_wrong_in_the_graph(
    option: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check("detect.model=faster_rcnn_resnet18", option) == 2
    assert f"detect.model cannot run so: {sentence}" in capsys.readouterr().err


@pytest.mark.usefixtures("models")
def test_tensorrt_on_a_cpu_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    check("detect.model=yolox_nano_untrained", "detect.runtime=tensorrt")
    assert "detect.runtime is tensorrt, which " in capsys.readouterr().err


@pytest.mark.usefixtures("models")
def test_another_overlap_is_fine_where_the_detector_suppresses() -> None:
    assert check("detect.model=yolox_nano_untrained", "detect.iou_thresh=0.6") == 0


def test_the_network_that_proposes_is_looked_for(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("model=fast_rcnn_resnet18", "proposals=rpn", "proposals_from=rpn_resnet18")
    stated = [f"detect.{option}" for option in options]
    check(*stated)
    assert "the network of model 'rpn_resnet18' is not built" in capsys.readouterr().err
    write_built_file(models, "rpn_resnet18")
    check(*stated)
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("models")
def test_a_run_without_its_file_of_proposals_overwrites_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "old.jsonl"
    output.write_text("old")
    options = {
        "model": "fast_rcnn_resnet18",
        "proposals": "file",
        "proposals_from": str(tmp_path / "boxes.txt"),
        "classes": "[person]",
        "replicas": "1",
    }
    sets = [part for key, value in options.items() for part in ("--set", f"detect.{key}={value}")]
    assert main(["run", "pipelines/people.yaml", "--output", str(output), *sets]) == 2
    assert "boxes.txt" in capsys.readouterr().err
    assert output.read_text() == "old"


def test_a_running_pipeline_refuses_what_needs_all_frames(
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ["--source", "synthetic:street", "--set", "track.offline.fill_gaps=20"]
    assert main(["run", "people", *options]) == 2
    assert "track.offline needs all frames of a file" in capsys.readouterr().err
