"""What a HOG + SVM learns from: features of patches, and of windows of labelled pictures.

N windows, F features of a window.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from streamdet.detectors.hog_svm import HogSvmOptions, Scanner, hog_descriptor, shrunk
from streamdet.detectors.parts.opencv import import_opencv
from streamdet.detectors.parts.window_svm import WindowSvm
from streamdet.image import Pixels
from streamdet.ops.iou import box_area
from streamdet.ops.nms import nms
from streamdet.training.examples import Example
from streamdet.training.labelled_picture import LabelledPicture
from streamdet.training.svm.hog_recipe import HogRecipe, Patches
from streamdet.training.svm.patches import read_patches
from streamdet.training.svm.windows import (
    around_objects,
    cut,
    drawn_without_object,
    has_no_object,
    moved_about,
)
from streamdet.transforms import Transform

Floats = npt.NDArray[np.float32]

_MOVED: Final = 0.06
"""Share of a window: half a step of 8 pixels in a window of 64, most of half a step of sizes."""

_SAME: Final = 0.5
"""Overlap above which two false windows of a picture show the same."""


class HogExamples:
    """Turns pictures into features, as a recipe says."""

    def __init__(self, recipe: HogRecipe, transform: Transform) -> None:
        """Join the recipe and the detector's transform.

        Raises:
            EngineError: OpenCV is missing or has no HOGDescriptor.
        """
        self._recipe = recipe
        self._transform = transform
        self._hog = hog_descriptor(recipe.geometry)

    @property
    def nothing(self) -> Floats:
        """Features of no window, (0, F)."""
        return np.empty((0, self._recipe.geometry.length), np.float32)

    def features(self, patches: Sequence[Pixels], *, flips: bool) -> Floats:
        """Describe patches of any size, mirrored as well if so wished: (N or 2 N, F)."""
        shown = [view for patch in patches for view in _views(self._resized(patch), flips)]
        described = [np.ravel(self._hog.compute(view)) for view in shown]
        return np.array(described, np.float32) if described else self.nothing

    def of_patches(self, source: Patches, *, flips: bool) -> tuple[Floats, Floats]:
        """Describe the positives and the negatives of a source.

        Raises:
            ConfigError: see `read_patches`.
        """
        positives = read_patches(source.positives, source.tile)
        negatives = read_patches(source.negatives, source.tile) if source.negatives else []
        return self.features(positives, flips=flips), self.features(negatives, flips=flips)

    def of_picture(self, example: Example, index: int) -> tuple[Floats, Floats]:
        """Describe the windows around a picture's objects, and some where there is none.

        Args:
            example: the picture.
            index: of the example: what chance depends on.

        Raises:
            ConfigError: it cannot be read.
        """
        recipe = self._recipe
        picture = self._prepared(example)
        chance = np.random.default_rng([recipe.seed, index])
        drawn = drawn_without_object(picture, recipe.window, recipe.shrink_xy, recipe.drawn, chance)
        around = around_objects(picture.xyxy, recipe.window, recipe.shrink_xy)
        moved = moved_about(around, _MOVED, recipe.moved, chance)
        around = np.concatenate((around, moved))
        return self._described(picture, around), self._described(picture, drawn)

    def hard_negatives(self, svm: WindowSvm, example: Example) -> Floats:
        """Describe the windows in which the SVM sees an object where there is none.

        Raises:
            ConfigError: the picture cannot be read.
        """
        picture = self._prepared(example)
        recipe = self._recipe
        options = HogSvmOptions(model=recipe.model, padding=0)
        windows, margins = Scanner(svm, options)(picture.pixels, 0.0)
        is_false = has_no_object(windows, recipe.shrink_xy, picture)
        windows, margins = windows[is_false], margins[is_false]
        worst = nms(windows, margins, _SAME, top_k=recipe.hard)
        return self._described(picture, windows[worst])

    def _described(self, picture: LabelledPicture, windows: Floats) -> Floats:
        patches = cut(picture.pixels, windows, self._recipe.window)
        return self.features(patches, flips=self._recipe.flip)

    def _prepared(self, example: Example) -> LabelledPicture:
        """Prepare a picture as a run does; objects that do not count become ignored regions."""
        picture = example.read(has_masks=False).prepared(self._transform)
        around = around_objects(picture.xyxy, self._recipe.window, self._recipe.shrink_xy)
        scale = self._recipe.window[0] / (around[:, 3] - around[:, 1])
        likeness = box_area(picture.xyxy) / box_area(shrunk(around, self._recipe.shrink_xy))
        counts = (scale <= self._recipe.most_enlarged) & (likeness >= self._recipe.least_overlap)
        counts &= self._recipe.objects
        return replace(
            picture,
            xyxy=picture.xyxy[counts],
            class_ids=picture.class_ids[counts],
            ignored=np.concatenate((picture.ignored, picture.xyxy[~counts])),
            keypoints=None,
        )

    def _resized(self, patch: Pixels) -> Pixels:
        height, width = self._recipe.window
        if patch.shape[:2] == (height, width):
            return patch
        return np.asarray(import_opencv().resize(patch, (width, height)), np.uint8)


def _views(patch: Pixels, flips: bool) -> Iterator[Pixels]:
    yield patch
    if flips:
        yield np.ascontiguousarray(patch[:, ::-1])
