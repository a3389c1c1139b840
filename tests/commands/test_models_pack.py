"""`streamdet models pack`."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from streamdet.cli import main
from streamdet.commands import models_pack
from streamdet.errors import ConfigError
from streamdet.evaluation.agreement import Agreement
from streamdet.models.built_network import find_network
from streamdet.models.model_config import load_model_config
from tests.building.toy_model import write_trained


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A folder as `train` leaves it: NAME.yaml and its weights."""
    folder = tmp_path / "trained"
    folder.mkdir()
    name, weights = write_trained(folder)
    weights.rename(folder / weights.name)
    values = yaml.safe_load(Path(name).read_text())
    both = {kind: {"precision": "fp32"} for kind in ("onnxruntime", "openvino")}
    Path(name).write_text(yaml.safe_dump(values | {"score_thresh": 0.1, "runtimes": both}))
    return folder


def packed(trained: Path, *more: str) -> int:
    output = str(trained.with_name("packed"))
    return main(["models", "pack", str(trained), "--output", output, *more])


def test_a_trained_folder_becomes_two_files_that_run(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert packed(trained, "--name", "people") == 0
    lines = capsys.readouterr().out.splitlines()
    for line, runtime in zip(lines[1:], ("onnxruntime", "openvino"), strict=False):
        assert line.startswith(f"{runtime}: ")
        assert " detections in 12 images are the same before and after packing" in line
    output = trained.with_name("packed")
    assert sorted(path.name for path in output.iterdir()) == ["people.onnx", "people.yaml"]
    model = load_model_config(str(output / "people.yaml"))
    assert find_network(model).path == output / "people.onnx"


def test_the_card_beside_a_model_is_pointed_at(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = trained / "toy.md"
    card.touch()
    assert main(["models", "show", str(trained / "toy.yaml")]) == 0
    assert f"  card           {card}\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (Agreement(9, 0, 0, 0.0), r"0 of 0 detections .* wanted images with something to find"),
        (Agreement(9, 100, 94, 0.0), r"94 of 100 detections in 9 images .* wanted 95% of them"),
    ],
)
def test_a_disagreement_is_one_sentence(found: Agreement, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        models_pack.verdict("openvino", found)


def test_who_packs_may_say_how_much_must_agree() -> None:
    found = Agreement(9, 100, 94, 0.0)
    assert "94 of 100 detections" in models_pack.verdict("openvino", found, least=0.9)
    with pytest.raises(ConfigError, match="wanted 96% of them"):
        models_pack.verdict("openvino", found, least=0.96)


def test_what_was_not_seen_to_agree_is_not_written(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = yaml.safe_load((trained / "toy.yaml").read_text())
    (trained / "toy.yaml").write_text(yaml.safe_dump(values | {"score_thresh": 0.999}))
    assert packed(trained) == 2
    assert "0 of 0 detections in 12 images" in capsys.readouterr().err
    assert not trained.with_name("packed").exists()


def test_a_folder_without_a_model_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "pack", str(tmp_path), "--output", str(tmp_path)]) == 2
    assert f"{tmp_path}: wanted one .yaml in it" in capsys.readouterr().err


def test_a_folder_without_images_is_one_sentence(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert packed(trained, "--images", "/no/such") == 2
    assert "--images /no/such: there is no such folder" in capsys.readouterr().err
