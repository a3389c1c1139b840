"""Words of the command line that do not exist, and files that are no model."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.cli import main


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("chek people", "unknown command 'chek'; did you mean 'check'?"),
        ("model list", "unknown command 'model'; did you mean 'models'?"),
        ("models lst", "unknown form 'lst'; did you mean 'list'?"),
        ("eval pipelin people", "unknown form 'pipelin'; did you mean 'pipeline'?"),
        ("eval nothing", "unknown form 'nothing'; there is model, pipeline, published, results"),
        ("track a.txt --output b.txt --tracker bytetrack", "did you mean 'byte_track'?"),
        ("schema mesage", "did you mean 'message'?"),
        ("models add a.onnx --kind yolo8", "did you mean 'yolov8'?"),
    ],
)
def test_an_unknown_word_is_answered_with_the_one_that_was_meant(
    words: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split()) == 2
    assert hint in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("mine.onnx", "mine.onnx: that is a network; first `streamdet models add mine.onnx"
                      " --classes a,b`, then name mine.yaml"),
        ("best.pt", "best.pt: that is a file of torch: export it as ONNX, then"),
    ],
)  # fmt: skip
def test_a_network_that_is_named_as_a_model_is_told_what_to_do_first(
    file: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "people", "--set", f"detect.model={file}"]) == 2
    assert f"detect.model is not a model: {sentence}" in capsys.readouterr().err
    assert main(["models", "show", file]) == 2
    assert sentence in capsys.readouterr().err


def test_the_model_file_beside_a_network_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.yaml").touch()
    assert main(["models", "show", str(tmp_path / "mine.onnx")]) == 2
    assert f"a network; its model file is {tmp_path}/mine.yaml" in capsys.readouterr().err
