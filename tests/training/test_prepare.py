"""From a recipe to a training that is ready to run."""

from __future__ import annotations

import json
from pathlib import Path

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
