"""The loop: resuming, determinism, what it refuses."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
import torch
from torch import nn

from streamdet.errors import ConfigError, EngineError
from streamdet.training.checkpoint import CHECKPOINT, read_checkpoint
from streamdet.training.log import read_log
from streamdet.training.loop import Measured, StepDone
from tests.training.toy_training import (
    NoCompany,
    assert_same_weights,
    prepared,
    train,
    write_images,
    write_recipe,
)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """12 steps: 4 epochs of 3."""
    write_images(tmp_path)
    return write_recipe(tmp_path, augmentation={"mosaic": 0.5, "crop": 0.5})


def test_a_killed_training_goes_on_to_the_weights_of_an_unbroken_one(
    tmp_path: Path, recipe: Path
) -> None:
    unbroken = train(recipe, tmp_path / "unbroken")
    command = [sys.executable, "-m", "tests.training.toy_training"]
    killed = subprocess.run([*command, str(recipe), str(tmp_path / "killed"), "7"], check=False)
    assert killed.returncode == -signal.SIGKILL
    resumed = train(recipe, tmp_path / "killed", resumes=True)
    assert_same_weights(unbroken.loop.network, resumed.loop.network)
    assert_same_weights(unbroken.loop.result, resumed.loop.result)
    # Checkpoints lie at steps 2, 4, 6: step 7 was made twice, and stands once in the log.
    assert read_log(tmp_path / "killed") == read_log(tmp_path / "unbroken")


def test_the_same_recipe_gives_the_same_losses_with_workers_or_without(
    tmp_path: Path, recipe: Path
) -> None:
    train(recipe, tmp_path / "one", last=4)
    train(write_recipe(tmp_path, augmentation={"mosaic": 0.5, "crop": 0.5}, workers=2),
          tmp_path / "two", last=4)  # fmt: skip
    lines = read_log(tmp_path / "one")
    assert len(lines) == 4
    assert lines == read_log(tmp_path / "two")


@pytest.mark.nightly
def test_the_loss_falls(tmp_path: Path) -> None:
    write_images(tmp_path, count=2)
    still = {"flip": 0.0, "scale": [1, 1], "hue": 0.0, "saturation": 0.0, "brightness": 0.0}
    changes = {"augmentation": still, "optimiser": {"rate": 5e-3}, "checkpoint_every": 1000}
    train(write_recipe(tmp_path, epochs=30, **changes), tmp_path / "out")
    losses = [sum(line["losses"].values()) for line in read_log(tmp_path / "out")]
    assert len(losses) == 30
    assert sum(losses[-3:]) < 0.8 * sum(losses[:3])


def test_a_loss_that_is_not_a_number_ends_the_training_in_one_sentence(
    tmp_path: Path, recipe: Path
) -> None:
    loop = prepared(recipe, tmp_path / "out").loop
    with torch.no_grad():
        next(loop.network.parameters()).fill_(float("nan"))
    sentence = "the loss 'box' of step 1 is nan.*lower optimiser.rate.* and begin anew with another"
    with pytest.raises(EngineError, match=sentence):
        next(loop.run(NoCompany()))
    assert read_checkpoint(tmp_path / "out" / CHECKPOINT).step == 0


@pytest.mark.parametrize("change", ["recipe", "labels"])
def test_a_training_does_not_go_on_with_something_else(
    tmp_path: Path, recipe: Path, change: str
) -> None:
    train(recipe, tmp_path / "out", last=1)
    if change == "recipe":
        write_recipe(tmp_path, seed=3)
    else:
        labels = tmp_path / "train.json"
        labels.write_text(re.sub(r"30, 20\]", "30, 19]", labels.read_text(), count=1))
        write_recipe(tmp_path, augmentation={"mosaic": 0.5, "crop": 0.5})
    with pytest.raises(ConfigError, match=f"begun with (an)?other {change}, wanted the same"):
        prepared(recipe, tmp_path / "out", resumes=True)


def test_no_model_is_written_before_the_labels_are_right(tmp_path: Path) -> None:
    write_images(tmp_path)
    with pytest.raises(ConfigError, match="has none of the model's classes, bird"):
        prepared(write_recipe(tmp_path, classes=["bird"]), tmp_path / "out")
    assert not (tmp_path / "out" / "toy.yaml").exists()


def test_what_is_frozen_keeps_its_weights_and_statistics(tmp_path: Path) -> None:
    write_images(tmp_path, count=2)
    recipe = write_recipe(tmp_path, optimiser={"frozen": ["backbone.backbone"]}, epochs=2)
    before = prepared(recipe, tmp_path / "before").loop.network.state_dict()
    after = train(recipe, tmp_path / "out").loop.network.state_dict()
    same = {name for name, value in after.items() if torch.equal(value, before[name])}
    assert {name for name in after if name.startswith("backbone.backbone")} <= same
    assert "backbone.C3_p4.conv1.conv.weight" not in same


def test_the_result_is_the_mean_of_its_start_and_of_what_was_learnt(tmp_path: Path) -> None:
    write_images(tmp_path, count=2)
    recipe = write_recipe(tmp_path, start_share=0.25, ema=None, epochs=2)
    before = prepared(recipe, tmp_path / "before").loop.network.state_dict()
    made = train(recipe, tmp_path / "out").loop
    name = "head.stems.0.conv.weight"
    wanted = 0.25 * before[name] + 0.75 * made.network.state_dict()[name]
    torch.testing.assert_close(made.result.state_dict()[name], wanted)


def test_bf16_trains(tmp_path: Path) -> None:
    write_images(tmp_path, count=2)
    made = train(write_recipe(tmp_path, precision="bf16", ema=None, epochs=2), tmp_path / "out")
    assert made.loop.is_done
    assert made.loop.result is made.loop.network
    assert all(value.dtype == torch.float32 for value in made.loop.network.parameters())


def test_steps_tell_epoch_rate_and_gradient(tmp_path: Path, recipe: Path) -> None:
    train(recipe, tmp_path / "out")
    steps = read_log(tmp_path / "out")
    assert [step["epoch"] for step in steps] == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]
    assert steps[0]["rate"] == pytest.approx(1e-3 / 3)  # the first of two steps of warm-up
    assert steps[-1]["rate"] == pytest.approx(0.05e-3)
    assert all(step["gradient"] > 0 for step in steps)


@pytest.mark.nightly
def test_a_training_killed_before_its_first_checkpoint_goes_on(
    tmp_path: Path, recipe: Path
) -> None:
    command = [sys.executable, "-m", "tests.training.toy_training"]
    subprocess.run([*command, str(recipe), str(tmp_path / "killed"), "1"], check=False)
    assert train(recipe, tmp_path / "killed", resumes=True).loop.is_done


def test_what_was_learnt_before_an_image_that_cannot_be_read_is_kept(
    tmp_path: Path, recipe: Path
) -> None:
    loop = prepared(recipe, tmp_path / "out").loop
    events = loop.run(NoCompany())
    next(events)
    for image in (tmp_path / "images").iterdir():
        image.write_bytes(b"no image")
    with pytest.raises(ConfigError, match="cannot be read as an image"):
        list(events)
    assert read_checkpoint(tmp_path / "out" / CHECKPOINT).step == loop.step >= 1


def test_a_training_goes_on_without_the_file_that_it_began_with(tmp_path: Path) -> None:
    write_images(tmp_path, count=2)
    weights = prepared(write_recipe(tmp_path), tmp_path / "first").loop.network.state_dict()
    torch.save(weights, tmp_path / "w.pth")
    recipe = write_recipe(tmp_path, start={"network": str(tmp_path / "w.pth")})
    train(recipe, tmp_path / "out", last=1)
    (tmp_path / "w.pth").unlink()
    assert train(recipe, tmp_path / "out", resumes=True).loop.is_done


def test_sources_without_objects_are_not_measured_on_and_told(tmp_path: Path) -> None:
    labels = write_images(tmp_path)
    content = json.loads(labels.read_text())
    (tmp_path / "empty.json").write_text(json.dumps({**content, "annotations": []}))
    sources = [{"truth": str(tmp_path / name), "images": str(tmp_path / "images")}
               for name in ("train.json", "empty.json")]  # fmt: skip
    data = {"train": sources[:1], "validation": sources}
    made = prepared(write_recipe(tmp_path, data=data), tmp_path / "out")
    assert len(made.validation) == 1
    assert made.told[-1] == "1 of 2 sources to measure on hold no objects: left out"


def test_somebody_who_wants_to_stop_finds_a_checkpoint_of_that_step(
    tmp_path: Path, recipe: Path
) -> None:
    assert train(recipe, tmp_path / "out", last=3).loop.step == 3
    made = prepared(recipe, tmp_path / "out", resumes=True)
    assert (made.loop.step, made.loop.is_done) == (3, False)


def test_what_a_training_begins_with_is_measured_before_its_first_step(
    tmp_path: Path, recipe: Path
) -> None:
    class Company(NoCompany):
        def measure(self, network: nn.Module) -> dict[str, float] | None:
            return {"AP": 0.5}

    first, second = islice(prepared(recipe, tmp_path / "out").loop.run(Company()), 2)
    assert first == Measured(0, 0, {"AP": 0.5}, is_best=False)
    assert isinstance(second, StepDone)
