"""The table of the families of detectors that look at regions."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from streamdet.bench import families
from streamdet.bench.families import Setup
from streamdet.bench.material import Material
from streamdet.bench.sliding_windows import WindowSeconds

SMALL = {"backbone": "alexnet", "map": "conv2", "width": 4, "proposals": 8}
NETWORKS = {
    "rcnn": {"backbone": "alexnet", "width": 4},
    "sppnet": SMALL | {"levels": (1, 2)},
    "fast_rcnn": SMALL | {"side": 2},
    "faster_rcnn": {"backbone": "alexnet", "maps": ("conv2",), "box_width": 4},
}


@pytest.fixture
def material(tmp_path: Path) -> Material:
    folder = tmp_path / "datasets" / "coco-mini"
    folder.mkdir(parents=True)
    cv2.imwrite(str(folder / "one.jpg"), np.zeros((80, 100, 3), np.uint8))
    return Material(tmp_path)


@pytest.mark.nightly
def test_every_family_is_timed_and_r_cnn_scaled_to_all_regions(material: Material) -> None:
    setup = Setup(
        NETWORKS, image_hw=(64, 96), proposals=8, rcnn_regions=4, rcnn_batch=2, rounds=1, round_s=0
    )
    outcome = families.region_families(material, setup)
    metrics = {metric.what.partition(",")[0]: metric.value for metric in outcome.metrics}
    assert {"R-CNN", "SPP-net", "Fast R-CNN", "Faster R-CNN"} <= set(metrics)
    assert any(what.startswith("proposals: selective search") for what in metrics)
    [rcnn_s] = outcome.details["without proposals"]["rcnn"]
    scale = 8 / outcome.details["rcnn regions"]
    assert outcome.metrics[0].value == pytest.approx(rcnn_s * scale)
    assert all(metric.value >= 0 for metric in outcome.metrics)


def test_windows_one_by_one_are_held_against_all_at_once() -> None:
    metrics = families.window_metrics(WindowSeconds(dense=6.0, efficient=2.0))
    assert [metric.value for metric in metrics] == [6.0, 2.0, 3.0]
