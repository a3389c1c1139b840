"""Fits what R-CNN and SPP-net put above their features: SVMs and box regressors, one a class.

Girshick et al., "Rich feature hierarchies ...", 2014, section 2.3, appendices B and C; He et al.,
"Spatial Pyramid Pooling ...", 2014, section 4.1. The layers below stay as they are, fine-tuned by a
training of their own (softmax) or not. An SVM's positives are the objects' own boxes, its negatives
regions that overlap none of its class by 0.3, the hard ones found among them. A regressor learns
from regions that overlap an object by more than 0.6.

Departures: regions are drawn as in training, not selective search's; both sides of an SVM weigh the
same; margins become scores by Platt's sigmoid. W features after fc7, F before fc6, C classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from streamdet.building.build import make_network
from streamdet.config.yaml_loader import YamlText
from streamdet.errors import ConfigError
from streamdet.models.model_config import find_weights, load_model_config
from streamdet.networks.region_cnn import RegionCnn
from streamdet.networks.sppnet import SppNet
from streamdet.training.examples import Example, Faults, examples_of
from streamdet.training.recipe import Start
from streamdet.training.result_model import write_model, write_weights
from streamdet.training.samples import fixed_transform, target_of
from streamdet.training.start_weights import classes_of, give_start
from streamdet.training.svm import Fitted, Tell, Through
from streamdet.training.svm.linear_svm import (
    Side,
    check_scikit_learn,
    fit_scale,
    fit_with_hard_negatives,
)
from streamdet.training.svm.region_features import RegionExamples, RegionFeatures
from streamdet.training.svm.region_recipe import RegionSvmRecipe
from streamdet.training.torch_runtime import normalised
from streamdet.training.validation import validation_sets

_NORM: Final = 20.0
"""Mean length that features are brought to: of R-CNN's own code, which `cost` was chosen for."""


class RegionSvmFit:
    """See `svm.Fitting`."""

    def __init__(self, recipe: RegionSvmRecipe, text: YamlText, folder: Path) -> None:
        """Read the labels and the weights; write the model's file, as yet without weights.

        Raises:
            ConfigError: the model is neither R-CNN nor SPP-net, or a label or a file is wrong.
            EngineError: torch or scikit-learn is missing.
        """
        check_scikit_learn()
        if recipe.threads is not None:
            torch.set_num_threads(recipe.threads)
        before = load_model_config(recipe.model)
        if before.detector not in ("rcnn", "sppnet"):
            raise ConfigError(
                f"{text.place(('model',))}: model must be of the kind rcnn or sppnet,"
                f" {before.name!r} is {before.detector!r}"
            )
        recipe = recipe.model_copy(update={"network": {**recipe.network, "classifier": "svm"}})
        self._recipe, self._folder = recipe, folder
        self._model = write_model(recipe, folder, keeps_weights=False)
        self._config = folder / f"{recipe.name}.yaml"
        self._network = _network(self._config, recipe.seed)
        start = recipe.start
        if start == Start() and before.weights is not None:
            start = Start(network=str(find_weights(before).absolute()))
        backbone = self._network.options.backbone
        classes = classes_of(self._network, self._model) if start.model is not None else None
        assert self._model.input is not None
        self._told = give_start(self._network, start, backbone, classes, hw=self._model.input.hw)
        faults = Faults(are_skipped=recipe.data.bad_labels == "skip")
        self._examples: list[Example] = []
        for source in recipe.data.train:
            self._examples += examples_of(source, self._model.classes, faults)
        self._told += [f"left out: {sentence}" for sentence in faults.sentences] + faults.notes
        again = Faults(are_skipped=faults.are_skipped)  # of sources read for the second time
        self._validation = validation_sets(recipe.data, self._model.classes, again)

    def __call__(self, tell: Tell, through: Through) -> Fitted:
        """Compute all features, fit each class, and write the weights.

        Raises:
            ConfigError: a class has too few objects, or an image cannot be read.
            EngineError: the model cannot be written.
        """
        for sentence in self._told:
            tell(sentence)
        looks = list(self._looks(through))
        scale = _NORM / float(torch.cat([each.features for each in looks]).norm(dim=1).mean())
        with torch.no_grad():
            for class_id, name in enumerate(self._model.classes):
                try:
                    tell(f"{name}: {self._fit_svm(looks, class_id, scale)}")
                except ConfigError as exc:
                    raise ConfigError(f"class {name!r}: {exc}") from exc
                self._fit_boxes(looks, class_id)
        origin = f"streamdet train, recipe {self._recipe.name}, fit region_svms"
        write_weights(self._network.state_dict(), self._recipe, self._folder, origin)
        return Fitted(self._config, self._validation)

    def _looks(self, through: Through) -> Iterator[RegionExamples]:
        look = RegionFeatures(self._network, self._recipe)
        transform = fixed_transform(self._model)
        assert self._model.input is not None
        for index, example in enumerate(through(self._examples)):
            image = example.read(has_masks=False).prepared(transform).clipped(min_visible=0.0)
            pixels = torch.from_numpy(np.ascontiguousarray(image.pixels))[None]
            yield look(normalised(pixels, self._model.input), target_of(image), index)

    def _fit_svm(self, looks: Sequence[RegionExamples], class_id: int, scale: float) -> str:
        """Fit one class, its scale of margins folded in; returns what it was fitted to."""
        recipe = self._recipe
        objects = [
            each.features[: len(each.object_ids)][each.object_ids == class_id] for each in looks
        ]
        others = [each.features[each.is_negative[:, class_id]] for each in looks]
        positives, negatives = _side(objects, scale), _side(others, scale)
        order = np.random.default_rng([recipe.seed, class_id]).permutation(len(negatives.images))
        negatives = negatives.rows(order)
        *_, (svm, rows) = fit_with_hard_negatives(
            positives.features, negatives.features, recipe.cost, recipe.first
        )
        margins = fit_scale(positives, negatives.rows(rows), recipe.cost)
        layer = self._network.head.cls_score
        weight = torch.from_numpy(svm.coefficients) * (margins.steepness * scale)
        layer.weight[class_id] = weight
        layer.bias[class_id] = margins.steepness * (svm.bias - margins.half)
        return (
            f"an SVM of {len(positives.features)} objects and {len(rows)} of"
            f" {len(negatives.features)} regions"
            " without one"
        )

    def _fit_boxes(self, looks: Sequence[RegionExamples], class_id: int) -> None:
        layer = self._network.head.bbox_pred
        rows = slice(4 * class_id, 4 * class_id + 4)
        features, deltas = _box_examples(looks, class_id, self._recipe)
        weight, bias = fit_boxes(features, deltas, self._recipe.ridge)
        layer.weight[rows], layer.bias[rows] = weight / self._network.head.box_scale, bias


def _network(config: Path, seed: int) -> RegionCnn | SppNet:
    network = make_network(str(config), seed)
    assert isinstance(network, RegionCnn | SppNet)
    return network.eval()


def _side(parts: Sequence[Tensor], scale: float) -> Side:
    """Stack features (n, W) of each image."""
    images = np.repeat(np.arange(len(parts)), [len(each) for each in parts])
    return Side((torch.cat(list(parts)) * scale).numpy(), images)


def _box_examples(
    looks: Sequence[RegionExamples], class_id: int, recipe: RegionSvmRecipe
) -> tuple[Tensor, Tensor]:
    """Choose by chance what teaches a class's boxes: features (Q, F) and deltas (Q, 4)."""
    features = torch.cat([each.box_features[each.box_class_ids == class_id] for each in looks])
    deltas = torch.cat([each.box_deltas[each.box_class_ids == class_id] for each in looks])
    generator = torch.Generator().manual_seed(recipe.seed)
    some = torch.randperm(len(features), generator=generator)[: recipe.most_boxes]
    return features[some], deltas[some]


def fit_boxes(features: Tensor, deltas: Tensor, ridge: float) -> tuple[Tensor, Tensor]:
    """Fit a class's regressor of boxes: R-CNN, equation 5.

    Args:
        features: (Q, F) of regions.
        deltas: (Q, 4) from each region to its object; without any, boxes stay as proposed.
        ridge: lambda.

    Returns:
        Weight (4, F) and bias (4,).
    """
    if not len(features):
        return torch.zeros(4, features.shape[1]), torch.zeros(4)
    from sklearn.linear_model import Ridge

    # With more features than regions this solves the dual, which is as large as the regions.
    fitted = Ridge(ridge, solver="cholesky").fit(features.numpy(), deltas.numpy())
    weight, bias = (np.asarray(each, np.float32) for each in (fitted.coef_, fitted.intercept_))
    return torch.from_numpy(weight), torch.from_numpy(bias)
