"""The table of the families of detectors that look at regions."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from streamdet.bench import families
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


def test_every_family_is_timed_and_r_cnn_scaled_to_all_regions(
    material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = {
        "NETWORKS": NETWORKS, "IMAGE_HW": (64, 96), "PROPOSALS": 8, "RCNN_REGIONS": 4,
        "RCNN_BATCH": 2, "ROUNDS": 1, "ROUND_S": 0.0, "windows_s": lambda: WindowSeconds(6.0, 2.0),
    }  # fmt: skip
    for name, value in small.items():
        monkeypatch.setattr(families, name, value)
    outcome = families.run(material)
    metrics = {metric.what.partition(",")[0]: metric.value for metric in outcome.metrics}
    assert {"R-CNN", "SPP-net", "Fast R-CNN", "Faster R-CNN"} <= set(metrics)
    assert any(what.startswith("proposals: selective search") for what in metrics)
    assert metrics["OverFeat"] == 3.0  # dense / efficient comes last
    [rcnn_s] = outcome.details["without proposals"]["rcnn"]
    scale = 8 / outcome.details["rcnn regions"]
    assert outcome.metrics[0].value == pytest.approx(rcnn_s * scale)
    assert all(metric.value >= 0 for metric in outcome.metrics)
