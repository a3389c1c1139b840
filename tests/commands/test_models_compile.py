"""`streamdet models build NAME --runtime ...`: what is refused, kept and built anew."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest

from streamdet.cli import main

BF16 = ("models", "build", "people", "--runtime", "openvino", "--precision", "bf16")
INT8 = ("models", "build", "street", "--runtime", "onnxruntime", "--precision", "int8")
ENGINE = ("models", "build", "people", "--runtime", "tensorrt")
TARGET = ("--target", "sm_89")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("STREAMDET_MODELS", raising=False)
    return tmp_path / "cache" / "streamdet" / "models"


def images(folder: Path, number: int) -> Path:
    folder.mkdir()
    rng = np.random.default_rng(0)
    for index in range(number):
        cv2.imwrite(str(folder / f"{index}.png"), rng.integers(0, 255, (64, 80, 3), np.uint8))
    return folder


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    code = main([str(each) for each in arguments])
    assert code in (1, 2)
    [line] = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("models", "build", "people", "--precision", "fp16"), "--precision goes with --runtime"),
        (("models", "build", "people", *TARGET), "--target goes with --runtime tensorrt"),
        (ENGINE, "--runtime tensorrt wants --target, the GPU's compute capability"),
        ((*ENGINE, "--target", "89"), "--target: wanted sm_ and digits, such as sm_89, got '89'"),
        ((*ENGINE, "--target", "sm_89,sm_89"), "--target: 'sm_89,sm_89' names a GPU twice"),
        ((*ENGINE, *TARGET, "--precision", "bf16"), "tensorrt is built in fp32 or fp16 or int8"),
        (BF16[:-2], "--runtime openvino wants --precision bf16 or int8 (fp32 needs no file"),
        ((*BF16, *TARGET), "--target is for tensorrt, openvino runs on the CPU"),
        ((*BF16, "--calibration", "x"), "--calibration is for int8, bf16 needs no images"),
        (INT8, "--precision int8 wants --calibration, a folder of images"),
        ((*INT8, "--calibration", "nowhere"), "--calibration nowhere: there is no such folder"),
        ((*BF16, "--truth", "x.json"), "--truth and --images go together"),
        ((*BF16, "--recipe", "no.yaml"), "no.yaml"),
        (("models", "build", "hog_people", *BF16[3:]), "model 'hog_people' runs no network"),
    ],
)
def test_what_does_not_go_together_is_refused_in_a_sentence(
    capsys: pytest.CaptureFixture[str], cache: Path, arguments: tuple[str, ...], said: str
) -> None:
    assert said in refused(capsys, *arguments)
    assert not cache.exists()


def test_a_calibration_folder_with_three_images_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = images(tmp_path / "three", 3)
    said = refused(capsys, *INT8, "--calibration", folder)
    assert f"{folder}: has 3 images, int8 wants 32 or more" in said


@pytest.mark.skipif(
    find_spec("tensorrt_rtx") is not None or find_spec("tensorrt") is not None,
    reason="TensorRT is installed here",
)
def test_without_tensorrt_the_error_says_how_to_install_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "TensorRT is not installed: pip install" in refused(capsys, *ENGINE, *TARGET)


def test_a_file_with_a_passport_that_fits_is_kept(
    capsys: pytest.CaptureFixture[str], cache: Path
) -> None:
    assert main(BF16) == 0
    built = cache / "people-openvino-bf16.onnx"
    first = built.stat().st_mtime_ns
    passport = json.loads(built.with_suffix(".json").read_text())
    assert passport["execution"] == "on the CPU"
    assert passport["accuracy"] is None
    assert "latency" not in passport
    assert "building people, bf16, openvino" in capsys.readouterr().out
    assert main(BF16) == 0
    assert built.stat().st_mtime_ns == first
    assert "is built already, its passport fits" in capsys.readouterr().out


@pytest.mark.parametrize("change", ["recipe", "damage", "no passport"])
def test_a_file_that_does_not_fit_is_built_anew_and_it_is_said_why(
    capsys: pytest.CaptureFixture[str], cache: Path, tmp_path: Path, change: str
) -> None:
    assert main(BF16) == 0
    built = cache / "people-openvino-bf16.onnx"
    content = built.read_bytes()
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("tolerance: 0.02\n")
    more: tuple[str, ...] = ()
    if change == "recipe":
        more = ("--recipe", str(recipe))
    elif change == "damage":
        built.write_bytes(content[:-9])
    else:
        built.with_suffix(".json").unlink()
    capsys.readouterr()
    assert main([*BF16, *more]) == 0
    said = {
        "recipe": "what is there does not fit, it was made of another recipe",
        "damage": "is damaged: its passport states another sha256",
        "no passport": "is missing or no passport of people-openvino-bf16.onnx",
    }
    assert said[change] in capsys.readouterr().out
    assert built.read_bytes() == content


@pytest.mark.data
def test_int8_that_costs_too_much_is_refused_and_nothing_is_overwritten(
    capsys: pytest.CaptureFixture[str], cache: Path, data: Path, tmp_path: Path
) -> None:
    """Calibrated on noise in place of photographs, it finds less."""
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("least_images: 2\ntolerance: 0\ncalibration: minmax\n")
    before = cache / "street-onnxruntime-int8.onnx"
    before.parent.mkdir(parents=True)
    before.write_bytes(b"as it was")
    folder = data / "datasets" / "highway-id"
    said = refused(
        capsys, *INT8, "--calibration", images(tmp_path / "noise", 2), "--recipe", recipe,
        "--truth", folder / "val.json", "--images", folder / "images", "--limit", "8",
    )  # fmt: skip
    assert "int8 is refused, nothing is written: it costs 0." in said
    assert "(8 images of val.json, onnxruntime" in said
    assert before.read_bytes() == b"as it was"
    assert [path.name for path in cache.iterdir()] == [before.name]
