"""Precision over recall as images."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import numpy as np

from streamdet.evaluation.coco import CocoScores, Floats
from streamdet.evaluation.extra import import_extra
from streamdet.evaluation.results import Kind

SHOWN: Final = (0.5, 0.75, 0.9)
"""IoU thresholds that have a curve."""


def write_plots(scores: CocoScores, folder: Path, kind: Kind) -> list[Path]:
    """Draw an image of each class and one of the mean over the classes, all-KIND.png.

    Args:
        scores: classes without objects get no image.
        folder: made if it is not there; images of the same name are replaced.
        kind: what was compared.

    Raises:
        ConfigError: matplotlib is missing.
        OSError: an image cannot be written.
    """
    figure_class = import_extra("matplotlib.figure").Figure
    if not scores.precision:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    curves = {"all": np.mean(list(scores.precision.values()), axis=0), **scores.precision}
    paths: list[Path] = []
    for name, precision in curves.items():
        path = folder / f"{re.sub('[^A-Za-z0-9_-]+', '_', name)}-{kind}.png"
        if path in paths:  # two names that differ in odd characters only
            path = path.with_stem(f"{path.stem}-{len(paths)}")
        figure = figure_class(figsize=(5.0, 4.0), dpi=100, layout="constrained")
        _draw(figure.subplots(), name, precision, scores)
        figure.savefig(path)
        paths.append(path)
    return paths


def _draw(axes: Any, name: str, precision: Floats, scores: CocoScores) -> None:
    for threshold in SHOWN:
        [row] = np.flatnonzero(np.isclose(scores.iou_thresholds, threshold))
        label = f"IoU {threshold:g}: {precision[row].mean():.3f}"
        axes.plot(scores.recalls, precision[row], label=label)
    axes.plot(scores.recalls, precision.mean(axis=0), "k--",
              label=f"0.5 to 0.95: {precision.mean():.3f}")  # fmt: skip
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02), title=name)
    axes.legend(loc="lower left")
