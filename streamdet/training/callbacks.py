"""Measures a network while it learns, and keeps the best weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import nn

from streamdet.evaluation.coco import coco_scores
from streamdet.evaluation.truth import TruthImage
from streamdet.training.loop import METRIC, Stopped
from streamdet.training.prepare import PreparedTraining
from streamdet.training.recipe import Recipe
from streamdet.training.result_model import write_weights
from streamdet.training.torch_runtime import TorchRuntime
from streamdet.training.validation import Images, measured_detector

METRICS = (METRIC, "AP50")


class KeepBest:
    """The company of a training; see `loop.Company`."""

    def __init__(
        self,
        prepared: PreparedTraining,
        recipe: Recipe,
        folder: Path,
        wants_stop: Callable[[], bool],
    ) -> None:
        """Join what is measured on with where the weights go.

        Args:
            prepared: the training.
            recipe: its recipe.
            folder: holds the model's configuration; gets the weights.
            wants_stop: says whether somebody wants to stop.
        """
        self._prepared = prepared
        self._recipe = recipe
        self._folder = folder
        self.wants_stop = wants_stop

    def measure(self, network: nn.Module) -> dict[str, float] | None:
        """Measure on each source; a metric is the mean of the sources'.

        Raises:
            Stopped: somebody wants to stop.
        """
        sets = self._prepared.validation
        if not sets:
            return None
        model = self._prepared.model
        assert model.input is not None
        device = next(network.parameters()).device
        detect = measured_detector(
            model, TorchRuntime(network, model.input, device), self._prepared.options
        )
        scores = [
            coco_scores(each.truth, each.detected(detect, model.classes, self._through), "bbox")
            for each in sets
        ]
        return {
            name: sum(each.metrics[name] or 0.0 for each in scores) / len(scores)
            for name in METRICS
        }

    def keep(self, network: nn.Module, step: int) -> None:
        """Write the weights beside the model's configuration."""
        origin = (
            f"streamdet train, recipe {self._recipe.name}, step {step} of"
            f" {self._prepared.loop.steps}, torch {torch.__version__}"
        )
        write_weights(network.state_dict(), self._recipe, self._folder, origin)

    def _through(self, images: Images) -> Iterator[tuple[TruthImage, Path]]:
        for image in images:
            if self.wants_stop():
                raise Stopped
            yield image
