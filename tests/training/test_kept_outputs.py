"""A backbone that keeps its weights computes once for each variation of an image."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from streamdet.errors import ConfigError
from streamdet.networks.localizer import Localizer, LocalizerOptions
from streamdet.training.kept_outputs import KeptOutputs
from streamdet.training.loop import Event
from streamdet.training.optimiser import make_optimiser
from streamdet.training.recipe import Kept, Optimiser, check_recipe
from streamdet.training.recipe_file import read_recipe
from tests.training.toy_training import (
    NoCompany,
    assert_same_weights,
    prepared,
    train,
    write_images,
    write_recipe,
)

FROZEN = Optimiser(frozen=("backbone.",))
NETWORK = {"backbone": "mobilenet_v2_same", "map": "features.1", "widths": (8,)}


def write_kept(folder: Path, **changes: Any) -> Path:
    """Write a recipe of 12 steps, 4 epochs of 3, whose backbone stays as it is."""
    values: dict[str, Any] = {
        "model": "localizer_mobilenet_v2",
        "network": NETWORK | {"widths": [8]},
        "optimiser": {"frozen": ["backbone."]},
        "kept": {"variations": 2},
    }
    return write_recipe(folder, **values | changes)


def localizer() -> Localizer:
    torch.manual_seed(0)
    return Localizer(LocalizerOptions(**NETWORK), 2, (32, 48)).eval()


def test_known_maps_are_given_whatever_the_images_show() -> None:
    network = localizer()
    make_optimiser(network, FROZEN)
    kept = KeptOutputs(network, Kept(), images=6)
    images = torch.randn(2, 3, 32, 48, generator=torch.Generator().manual_seed(1))
    wanted = network.backbone(images)["features.1"]
    with kept.in_use([(0, 5), (0, 3)]):
        computed = network.backbone(images)["features.1"]
    with kept.in_use([(0, 3), (0, 5)]):
        again = network.backbone(torch.zeros_like(images))["features.1"]
    torch.testing.assert_close(computed, wanted, rtol=2e-3, atol=2e-3)
    assert torch.equal(again, computed.flip(0))
    assert torch.equal(network.backbone(images)["features.1"], wanted)  # out of use


def test_rounds_beyond_the_variations_read_no_image(tmp_path: Path) -> None:
    write_images(tmp_path)
    loop = prepared(write_kept(tmp_path), tmp_path / "out").loop
    company = NoCompany()
    events: list[Event] = []
    for event in loop.run(company):
        events.append(event)
        if event.step == 6:  # both variations of all six images were shown
            shutil.rmtree(tmp_path / "images")
    assert len(events) == 12


def test_a_training_that_keeps_maps_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    write_images(tmp_path)
    recipe = write_kept(tmp_path)
    unbroken = train(recipe, tmp_path / "unbroken")
    train(recipe, tmp_path / "stopped", last=7)
    resumed = train(recipe, tmp_path / "stopped", resumes=True)
    for name, value in unbroken.loop.network.state_dict().items():
        torch.testing.assert_close(value, resumed.loop.network.state_dict()[name])
    assert_same_weights(unbroken.loop.network.backbone, resumed.loop.network.backbone)  # type: ignore[arg-type]


def test_a_backbone_that_learns_is_refused(tmp_path: Path) -> None:
    write_images(tmp_path)
    recipe = write_kept(tmp_path, optimiser={"frozen": ["backbone.0."]})
    with pytest.raises(ConfigError, match=r"optimiser\.frozen must name 'backbone\.'"):
        prepared(recipe, tmp_path / "out")


def test_a_network_without_a_backbone_of_ours_is_refused(tmp_path: Path) -> None:
    write_images(tmp_path)
    recipe = write_recipe(tmp_path, kept={"variations": 2})  # YOLOX-nano
    with pytest.raises(ConfigError, match="one backbone, this has 0"):
        prepared(recipe, tmp_path / "out")


def test_several_processes_do_not_share_what_is_kept(tmp_path: Path) -> None:
    from streamdet.training.parallel import count_processes

    path = write_kept(tmp_path, devices=2)
    with pytest.raises(ConfigError, match="kept: goes with one process"):
        count_processes(check_recipe(read_recipe(path, ()), path), image_count=6)
