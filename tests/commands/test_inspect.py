"""`streamdet inspect`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from streamdet.cli import main
from streamdet.commands.inspect import add_arguments
from tests.building.toy_model import write_trained, write_untrained

ALEXNET = "backbone:alexnet"
RANDOM = ("--random", "0", "--side", "64")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """Grey, with a noisy square."""
    return write_image(tmp_path / "images" / "noisy.png", contrast=255)


def write_image(path: Path, contrast: int) -> Path:
    path.parent.mkdir(exist_ok=True)
    pixels = np.full((64, 96, 3), 120, np.uint8)
    noise = np.random.default_rng(0).integers(0, contrast + 1, (32, 32, 3), dtype=np.uint8)
    pixels[16:48, 48:80] = noise
    cv2.imwrite(str(path), pixels)
    return path


def inspect(*arguments: object) -> int:
    return main(["inspect", *map(str, arguments)])


def read(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    sheet = cv2.imread(str(path))
    assert sheet is not None
    return np.asarray(sheet, np.uint8)


@pytest.mark.parametrize(
    "order",
    [
        ("MODEL", "IMAGE", "--random", "0", "--guided"),
        ("MODEL", "--random", "0", "IMAGE", "--guided"),
        ("--guided", "--random", "0", "MODEL", "IMAGE"),
        ("--random", "0", "MODEL", "--guided", "IMAGE"),
    ],
)
def test_model_and_image_may_stand_anywhere_among_the_options(order: tuple[str, ...]) -> None:
    parser = ArgumentParser()
    add_arguments(parser)
    args = parser.parse_args(order)
    assert (args.model, args.image) == ("MODEL", Path("IMAGE"))
    assert (args.random, args.way) == (0, "guided")


def test_the_image_is_optional_and_help_says_so() -> None:
    parser = ArgumentParser()
    add_arguments(parser)
    assert parser.parse_args(["MODEL"]).image is None
    assert parser.format_usage().rstrip().endswith("MODEL [IMAGE]")


def test_layers_are_listed_without_weights(capsys: pytest.CaptureFixture[str]) -> None:
    assert inspect("backbone:resnet18") == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[-2].split() == ["layer4", "512", "channels,", "7", "x", "7"]
    assert printed[-1].endswith("parts of these are layers too, e.g. layer4.1")


def test_a_layer_that_papers_name_is_listed_with_that_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    inspect("backbone:alexnet")
    assert "  11   256 channels, 13 x 13  conv5\n" in capsys.readouterr().out


def test_a_channel_of_a_backbone_is_drawn_and_told(
    image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "sheet.png"
    arguments = "--layer", "conv2", "--channel", "5", "--most", "2", "--output", out
    assert inspect(ALEXNET, image, *RANDOM, *arguments) == 0
    head, first, second, written = capsys.readouterr().out.splitlines()
    assert head == "alexnet, conv2, channel 5, random weights (seed 0)"
    assert first.startswith("  1: ")
    assert " pixels at (" in second
    assert written == f"written: {out}"
    assert read(out).shape[1] > 1000


@pytest.mark.parametrize("way", ["--guided", "--deconv"])
def test_what_a_response_saw_is_a_panel_more(image: Path, tmp_path: Path, way: str) -> None:
    arguments = (ALEXNET, image, *RANDOM, "--layer", "conv1", "--channel", "3")
    assert inspect(*arguments, "--output", tmp_path / "a.png") == 0
    assert inspect(*arguments, way, "--output", tmp_path / "b.png") == 0
    assert read(tmp_path / "b.png").shape[1] > 1.4 * read(tmp_path / "a.png").shape[1]


def test_the_name_of_the_image_says_what_it_is(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert inspect(ALEXNET, image, *RANDOM, "--layer", "conv1", "--channel", "3") == 0
    assert (tmp_path / "alexnet-conv1-3.png").is_file()


def test_over_a_folder_the_strongest_images_come_first(
    image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_image(image.with_name("faint.png"), contrast=130)
    (image.parent / "broken.png").write_bytes(b"no image")
    out = tmp_path / "sheet.png"
    arguments = "--layer", "conv1", "--channel", "3", "--output", out
    assert inspect(ALEXNET, *RANDOM, "--folder", image.parent, *arguments) == 0
    printed, warned = capsys.readouterr()
    head, *lines, _ = printed.splitlines()
    assert head.endswith("the strongest of 3 images")
    assert [line.split()[-1] for line in lines] == ["noisy.png", "faint.png"]
    assert "broken.png: cannot be read as an image" in warned
    assert read(out).shape[0] > 300


def test_a_model_is_looked_into_with_its_weights_or_random_ones(
    image: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name, weights = write_trained(tmp_path)
    monkeypatch.setenv("STREAMDET_MODELS", str(weights.parent))
    arguments = name, image, "--layer", "conv2", "--output", tmp_path / "sheet.png"
    assert inspect(*arguments) == 0
    trained = capsys.readouterr().out.splitlines()
    assert inspect(*arguments, "--random", "1") == 0  # the seed that its weights were made with
    random = capsys.readouterr().out.splitlines()
    assert random[0] == f"{trained[0]}, random weights (seed 1)"
    assert random[1:] == trained[1:]


@pytest.mark.data
def test_a_trained_channel_prefers_a_zebra(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("000000000034.jpg", "000000000036.jpg"):  # a zebra; a woman with an umbrella
        (folder / name).symlink_to(data / "datasets" / "coco-mini" / "images" / name)
    weights = data / "weights" / "mobilenetv2_1.0_224_imagenet.pth"
    arguments = "--weights", weights, "--folder", folder, "--layer", "13", "--channel", "53"
    out = tmp_path / "sheet.png"
    assert inspect("backbone:mobilenet_v2_same", *arguments, "--output", out) == 0
    _, first, second, _ = capsys.readouterr().out.splitlines()
    assert first.endswith("000000000034.jpg")
    assert second.endswith("000000000036.jpg")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["backbone:alexnett"], "no such backbone; did you mean 'alexnet'?"),
        (["hog_people"], "is no network of ours"),
        ([ALEXNET, "IMAGE", "--layer", "conv1"], "either --weights FILE or --random"),
        ([ALEXNET, *RANDOM, "--layer", "conv1"], "wanted either an image or --folder DIR"),
        ([ALEXNET, "IMAGE", *RANDOM, "--layer", "conv6"], "did you mean 'conv5'?"),
        (
            [ALEXNET, "IMAGE", *RANDOM, "--layer", "conv1", "--channel", "64"],
            "has the channels 0 to 63",
        ),
        ([ALEXNET, "no.png", *RANDOM, "--layer", "conv1"], "no.png: cannot be read as an image"),
        (
            [ALEXNET, *RANDOM, "--folder", "no", "--layer", "conv1"],
            "--folder no: there are no images",
        ),
        (
            [ALEXNET, "IMAGE", *RANDOM, "--layer", "conv1", "--output", "o.txt"],
            "a .png or .jpg file",
        ),
        (
            [ALEXNET, "IMAGE", *RANDOM, "--layer", "conv1", "--output", "/dev/null/o.png"],
            "it cannot be written (not a directory)",
        ),
        (["TOY", "IMAGE", "--layer", "conv2"], "nobody has trained model 'toy'"),
        (["TOY", "IMAGE", "--layer", "conv2", "--side", "9"], "are for a backbone"),
    ],
)
def test_a_wrong_argument_is_one_sentence(
    arguments: list[str],
    sentence: str,
    image: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = {"IMAGE": str(image), "TOY": write_untrained(tmp_path)}
    assert inspect(*(names.get(argument, argument) for argument in arguments)) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert sentence in line
