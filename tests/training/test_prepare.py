"""From a recipe to a training that is ready to run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streamdet.errors import ConfigError
from tests.evaluation.scenes import write_json
from tests.training.toy_training import labelled, prepared, write_images, write_recipe


def write_a_wrong_label(folder: Path) -> Path:
    """Write images of which the first one's box has no width; returns their folder."""
    path = write_images(folder)
    content = json.loads(path.read_text())
    content["annotations"][0]["bbox"][2] = 0
    write_json(path, content)
    return folder


def test_wrong_labels_of_all_sources_are_told_once(tmp_path: Path) -> None:
    train, measured = (write_a_wrong_label(tmp_path / name) for name in ("train", "measured"))
    data = {
        **labelled(train, held_out=0.3),  # is read twice
        "validation": labelled(measured)["train"],
        "bad_labels": "skip",
    }
    faults = prepared(write_recipe(tmp_path, data=data), tmp_path / "out").faults
    assert [Path(fault.partition(":")[0]).parent for fault in faults] == [train, measured]


def test_a_network_of_one_size_is_not_trained_at_several(tmp_path: Path) -> None:
    write_images(tmp_path)
    recipe = write_recipe(tmp_path, model="yolo_v1", network={}, hw=[448, 448], hws=[[448, 448]])
    with pytest.raises(ConfigError, match=r"^hws: the network of model 'toy' takes images of one"):
        prepared(recipe, tmp_path / "out")


def test_sizes_that_a_free_network_does_not_take_are_refused(tmp_path: Path) -> None:
    write_images(tmp_path)
    with pytest.raises(ConfigError, match=r"hws\.0\.1.*multiple of 32"):
        prepared(write_recipe(tmp_path, hws=[[64, 100]]), tmp_path / "out")
