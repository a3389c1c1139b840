"""What a bag of visual words learns from: regions of images whose words are known. N regions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from streamdet.detectors.parts.bow_features import (
    dense_sift,
    nearest_words,
    pyramid_features,
    word_sums,
)
from streamdet.detectors.parts.bow_model import DESCRIPTOR
from streamdet.detectors.parts.sliding_boxes import sliding_boxes
from streamdet.ops.nms import nms
from streamdet.training.examples import Example
from streamdet.training.labelled_image import LabelledImage
from streamdet.training.svm.bow_recipe import BowRecipe
from streamdet.training.svm.windows import has_no_object, moved_about
from streamdet.transforms import Transform

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]

BACKGROUND: Final = -1
"""Class id of a region without an object."""
_STEP: Final = 0.25  # of the sliding boxes, as the detector has by default
_MOVED: Final = 0.1  # share of a region's sides
_SAME: Final = 0.5  # overlap above which two false boxes show the same
_WHOLE: Final = (0.0, 0.0)  # a region is as large as its object
_WORDS, _REGIONS, _SEARCH = 1, 2, 3  # what chance is for


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """Regions as the SVMs see them.

    Attributes:
        features: (N, bins * K).
        class_ids: (N,), `BACKGROUND` without an object.
        images: (N,) numbers of their images.
    """

    features: Floats
    class_ids: Ids
    images: Ids


class BowExamples:
    """One image: drawn descriptors first, then regions once the words are known."""

    def __init__(
        self, recipe: BowRecipe, transform: Transform, example: Example, number: int
    ) -> None:
        """Join what it depends on; `number` is the image's, and what chance depends on."""
        self._recipe = recipe
        self._transform = transform
        self._example = example
        self._number = number
        self._words: npt.NDArray[np.intp] | None = None
        self._image: LabelledImage | None = None

    @property
    def is_labelled(self) -> tuple[bool, ...]:
        """Which classes its source labels."""
        return self._example.is_labelled

    def descriptors(self, count: int) -> Floats:
        """Draw at most `count` descriptors (N, 128).

        Raises:
            ConfigError: the image cannot be read.
        """
        found = dense_sift(self._read().pixels, self._recipe.geometry).reshape(-1, DESCRIPTOR)
        return found[self._rng(_WORDS).permutation(len(found))[:count]]

    def learn(self, words: Floats) -> None:
        """Look up each descriptor's word; the pixels are not needed any more.

        Raises:
            ConfigError: the image cannot be read.
        """
        image = self._read()
        self._words = nearest_words(dense_sift(image.pixels, self._recipe.geometry), words)
        self._image = replace(image, pixels=np.empty((*image.hw, 0), np.uint8))

    def regions(self, words: int) -> Regions:
        """Describe its objects, moved ones too, and drawn boxes without any."""
        assert self._image is not None
        rng, image = self._rng(_REGIONS), self._image
        moved = moved_about(image.xyxy, _MOVED, self._recipe.moved, rng)
        boxes = self._boxes()
        drawn = boxes[rng.permutation(len(boxes))]
        drawn = drawn[has_no_object(drawn, _WHOLE, image)][: self._recipe.drawn]
        class_ids = np.concatenate(
            (
                image.class_ids,
                np.repeat(image.class_ids, self._recipe.moved),
                np.full(len(drawn), BACKGROUND),
            )
        )
        return self._described(np.concatenate((image.xyxy, moved, drawn)), class_ids, words)

    def hard_negatives(
        self, coefficients: Floats, biases: Floats, words: int, round_: int
    ) -> Regions:
        """Describe the boxes without an object that the SVMs (C, bins * K), (C,) like most."""
        assert self._image is not None
        boxes = self._boxes()
        rng = np.random.default_rng([_SEARCH, self._recipe.seed, self._number, round_])
        boxes = boxes[rng.permutation(len(boxes))[: self._recipe.searched]]
        boxes = boxes[has_no_object(boxes, _WHOLE, self._image)]
        margins = self._features(boxes, words) @ coefficients.T + biases
        best = margins.max(axis=1, initial=-np.inf).astype(np.float32)
        worst = nms(boxes, best, _SAME, top_k=self._recipe.hard)
        return self._described(boxes[worst], np.full(len(worst), BACKGROUND), words)

    def _described(self, xyxy: Floats, class_ids: Ids, words: int) -> Regions:
        numbers = np.full(len(xyxy), self._number, np.int64)
        return Regions(self._features(xyxy, words), class_ids.astype(np.int64), numbers)

    def _features(self, xyxy: Floats, words: int) -> Floats:
        assert self._words is not None
        return pyramid_features(word_sums(self._words, words), xyxy, self._recipe.geometry)

    def _boxes(self) -> Floats:
        assert self._image is not None
        return sliding_boxes(self._image.hw, self._recipe.windows, _STEP)

    def _read(self) -> LabelledImage:
        """Prepare the image as a run does; its small objects become ignored regions."""
        image = self._example.read(has_masks=False).prepared(self._transform)
        sides = (image.xyxy[:, 2:] - image.xyxy[:, :2]).min(axis=1, initial=np.inf)
        is_large = sides >= self._recipe.least_side
        return replace(
            image,
            xyxy=image.xyxy[is_large],
            class_ids=image.class_ids[is_large],
            ignored=np.concatenate((image.ignored, image.xyxy[~is_large])),
            keypoints=None,
        )

    def _rng(self, what_for: int) -> np.random.Generator:
        return np.random.default_rng([what_for, self._recipe.seed, self._number])
