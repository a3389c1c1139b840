"""Fits the SVM of one view of an object, or two that mirror each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from streamdet.detectors.parts.margins import MarginScale
from streamdet.detectors.parts.window_svm import WindowSvm
from streamdet.errors import ConfigError
from streamdet.training.examples import Example
from streamdet.training.svm import Tell, Through
from streamdet.training.svm.hog_examples import HogExamples, ViewExamples, Windows
from streamdet.training.svm.hog_recipe import HogRecipe
from streamdet.training.svm.linear_svm import LinearSvm, Side, fit_scale, fit_svm
from streamdet.transforms import Transform

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

_STARTS: Final = 5
_MOST_STEPS: Final = 30


class ViewFit:
    """Learns a view, searches the images for what it takes for it wrongly, and learns again."""

    def __init__(self, recipe: HogRecipe, number: int, transform: Transform) -> None:
        """Read the patches.

        Args:
            recipe: what to do.
            number: of the view in the recipe.
            transform: the detector's.

        Raises:
            ConfigError: a patch cannot be read.
            EngineError: OpenCV is missing or has no HOGDescriptor.
        """
        self._recipe, self._view = recipe, recipe.views[number]
        self._name = f"view {number + 1}: " if len(recipe.views) > 1 else ""
        self._examples = HogExamples(recipe, number, transform)
        patches = recipe.patches
        self._patches = self._examples.of_patches(patches.train if patches else ())
        self._held = self._examples.of_patches(patches.validation if patches else ())

    def __call__(
        self, images: list[Example], tell: Tell, through: Through
    ) -> tuple[WindowSvm, ...]:
        """Fit; returns one SVM, or the two that mirror each other.

        Raises:
            ConfigError: there is too little to learn from, or an image cannot be read.
        """
        try:
            return self._fitted(images, tell, through)
        except ConfigError as exc:
            raise ConfigError(f"{self._name}{exc}") from exc

    def _fitted(self, images: list[Example], tell: Tell, through: Through) -> tuple[WindowSvm, ...]:
        examples = ViewExamples.joined(
            [self._patches]
            + [self._examples.of_image(image, index)
               for index, image in enumerate(through(images))]
        )  # fmt: skip
        turned = np.zeros(len(examples.objects), bool)
        if self._recipe.flip == "views":
            turned = facings(examples.objects, self._recipe.seed)
        svm, turned = self._fit(examples, turned, tell)
        for round_, numbers in enumerate(self._searched(len(images))):
            hard = self._hard_negatives(svm, images, numbers, through)
            tell(
                f"{self._name}search {round_ + 1}: {len(hard)} false windows in {len(numbers)}"
                " images"
            )
            if not len(hard):
                if self._recipe.search == "all":
                    break  # the same SVM would search the same images
                continue
            examples = replace(examples, others=Windows.joined([examples.others, hard]))
            svm, turned = self._fit(examples, turned, tell)
        scale = fit_scale(*self._sides(examples, turned), self._recipe.cost)
        if self._recipe.flip != "views":
            return (self._window_svm(svm, scale),)
        positives, negatives = self._sides(examples, ~turned)
        mirrored = fit_svm(positives.features, negatives.features, self._recipe.cost)
        return self._window_svm(svm, scale), self._window_svm(mirrored, scale)

    def _searched(self, count: int) -> list[range]:
        """List the numbers of the images of each round; rounds without any are left out."""
        rounds = self._recipe.rounds
        if self._recipe.search == "all":
            return [range(count)] * rounds if count else []
        return [range(start, count, rounds) for start in range(min(rounds, count))]

    def _hard_negatives(
        self, svm: LinearSvm, images: list[Example], numbers: range, through: Through
    ) -> Windows:
        # A mirrored view need not search: what it would find is mirrored, too.
        scanned = self._window_svm(svm, MarginScale(0.0, 1.0))
        return Windows.joined(
            [
                self._examples.hard_negatives(scanned, images[number], number)
                for number in through(numbers)
            ]
        )

    def _sides(self, examples: ViewExamples, turned: Bools) -> tuple[Side, Side]:
        """Choose what there is with and without an object.

        Args:
            examples: of the view.
            turned: (N,) which objects are taken mirrored, where a view becomes two.
        """
        objects, others = examples.objects, examples.others
        if self._recipe.flip == "none":
            return Side(objects.plain, objects.images), Side(others.plain, others.images)
        if self._recipe.flip == "examples":
            return _both(objects), _both(others)
        faced = np.where(turned[:, None], objects.mirrored, objects.plain)
        return Side(faced, objects.images), _both(others)

    def _fit(self, examples: ViewExamples, turned: Bools, tell: Tell) -> tuple[LinearSvm, Bools]:
        """Fit, where a view becomes two let each object face as it suits, and fit again."""
        positives, negatives = self._sides(examples, turned)
        svm = fit_svm(positives.features, negatives.features, self._recipe.cost)
        if self._recipe.flip == "views":
            objects = examples.objects
            turned = svm.margins(objects.mirrored) > svm.margins(objects.plain)
            positives, _ = self._sides(examples, turned)
            svm = fit_svm(positives.features, negatives.features, self._recipe.cost)
        tell(
            f"{self._name}fitted to {len(positives.features)} windows with and"
            f" {len(negatives.features)} without an object"
        )
        self._tell_of_patches(svm, tell)
        return svm, turned

    def _tell_of_patches(self, svm: LinearSvm, tell: Tell) -> None:
        """Tell what becomes of the patches that are measured on; a view without objects is not."""
        if not len(self._held.objects):
            return
        positives, negatives = (
            self._margins(svm, side) > 0 for side in (self._held.objects, self._held.others)
        )
        count = len(positives) + len(negatives)
        right = int(positives.sum() + (~negatives).sum())
        tell(
            f"{self._name}validation patches: {right} of {count} right ({right / count:.3f}):"
            f" {(~positives).sum()} of {len(positives)} objects missed,"
            f" {negatives.sum()} of {len(negatives)} others taken for one"
        )

    def _margins(self, svm: LinearSvm, windows: Windows) -> Floats:
        margins = svm.margins(windows.plain)
        if self._recipe.flip == "views":
            margins = np.maximum(margins, svm.margins(windows.mirrored))
        return margins

    def _window_svm(self, svm: LinearSvm, scale: MarginScale) -> WindowSvm:
        geometry = self._recipe.geometry(self._view)
        return WindowSvm(geometry, svm.coefficients, svm.bias, self._view.shrink_xy, scale)


def _both(windows: Windows) -> Side:
    return Side(np.concatenate((windows.plain, windows.mirrored)), np.tile(windows.images, 2))


def facings(windows: Windows, seed: int) -> Bools:
    """Find which windows to mirror so that all face the same way.

    Each window and its mirror image are put into opposite ones of two clusters that are as tight as
    possible, as `lrsplit` of voc-release5 (Girshick, Felzenszwalb, McAllester, 2012) does.

    Returns:
        (N,) whether to mirror.
    """
    rng = np.random.default_rng(seed)
    best = np.zeros(len(windows), bool)
    least = np.inf
    for _ in range(_STARTS if len(windows) else 0):
        turned = rng.random(len(windows)) < 0.5
        for _ in range(_MOST_STEPS):
            centre = np.where(turned[:, None], windows.mirrored, windows.plain).mean(axis=0)
            plain = np.square(windows.plain - centre).sum(axis=1)
            mirrored = np.square(windows.mirrored - centre).sum(axis=1)
            before, turned = turned, mirrored < plain
            if (before == turned).all():
                break
        if (spread := float(np.minimum(plain, mirrored).sum())) < least:
            least, best = spread, turned
    return best
