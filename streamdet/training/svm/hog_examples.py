"""What a HOG + SVM learns from: features of patches, and of windows of labelled images.

N windows, F features of a window.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from streamdet.detectors.hog_svm import HogSvmOptions, Scanner, hog_descriptor
from streamdet.detectors.parts.opencv import import_opencv
from streamdet.detectors.parts.window_svm import WindowSvm
from streamdet.image import Pixels
from streamdet.ops.nms import nms
from streamdet.training.examples import Example
from streamdet.training.labelled_image import LabelledImage
from streamdet.training.svm.hog_recipe import HogRecipe, Patches
from streamdet.training.svm.patches import read_patches
from streamdet.training.svm.windows import (
    around_objects,
    cut,
    drawn_without_object,
    has_no_object,
    likeness,
    moved_about,
)
from streamdet.transforms import Transform

Floats = npt.NDArray[np.float32]

_MOVED: Final = 0.06
"""Share of a window: half a step of 8 pixels in a window of 64, most of half a step of sizes."""

_SAME: Final = 0.5
"""Overlap above which two false windows of an image show the same."""


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Features of windows.

    Attributes:
        plain: (N, F).
        mirrored: (N, F) of the same windows mirrored.
        images: (N,) numbers of what they were cut from: windows of one look alike.
    """

    plain: Floats
    mirrored: Floats
    images: npt.NDArray[np.int64]

    @classmethod
    def joined(cls, parts: Sequence[Windows]) -> Windows:
        """Put windows behind each other."""
        return cls(
            np.concatenate([each.plain for each in parts]),
            np.concatenate([each.mirrored for each in parts]),
            np.concatenate([each.images for each in parts]),
        )

    def __len__(self) -> int:
        """N."""
        return len(self.plain)


@dataclass(frozen=True, slots=True, eq=False)
class ViewExamples:
    """What a view is learnt from: windows with an object of it and windows without any."""

    objects: Windows
    others: Windows

    @classmethod
    def joined(cls, parts: Sequence[ViewExamples]) -> ViewExamples:
        """Put examples behind each other."""
        return cls(
            Windows.joined([each.objects for each in parts]),
            Windows.joined([each.others for each in parts]),
        )


class HogExamples:
    """Turns images into features of one view, as a recipe says."""

    def __init__(self, recipe: HogRecipe, view: int, transform: Transform) -> None:
        """Join the recipe and the detector's transform.

        Args:
            recipe: what to do.
            view: its number in the recipe.
            transform: as a run has it.

        Raises:
            EngineError: OpenCV is missing or has no HOGDescriptor.
        """
        self._recipe = recipe
        self._number, self._view = view, recipe.views[view]
        self._transform = transform
        self._hog = hog_descriptor(recipe.geometry(self._view))

    def of_patches(self, sources: Iterable[Patches]) -> ViewExamples:
        """Describe patches of any size; objects are of the first view only.

        Raises:
            ConfigError: see `read_patches`.
        """
        objects: list[Pixels] = []
        others: list[Pixels] = []
        for source in sources:
            if self._number == 0:
                objects += read_patches(source.positives, source.tile)
            if source.negatives is not None:
                others += read_patches(source.negatives, source.tile)
        # Each is an image of its own, numbered below those of labelled ones.
        numbers = -1 - np.arange(len(objects) + len(others))
        return ViewExamples(
            self._windows(self._resized(objects), numbers[: len(objects)]),
            self._windows(self._resized(others), numbers[len(objects) :]),
        )

    def of_image(self, example: Example, index: int) -> ViewExamples:
        """Describe the windows around an image's objects, and some where there is none.

        Args:
            example: the image.
            index: of the example: what chance depends on.

        Raises:
            ConfigError: it cannot be read.
        """
        recipe, window, shrink_xy = self._recipe, self._view.window, self._view.shrink_xy
        image, around = self._prepared(example)
        rng = np.random.default_rng([recipe.seed, index])
        drawn = drawn_without_object(image, window, shrink_xy, recipe.drawn, rng)
        moved = moved_about(around, _MOVED, recipe.moved, rng)
        around = np.concatenate((around, moved))
        return ViewExamples(
            self._windows(cut(image.pixels, around, window), index),
            self._windows(cut(image.pixels, drawn, window), index),
        )

    def hard_negatives(self, svm: WindowSvm, example: Example, index: int) -> Windows:
        """Describe the windows in which the SVM sees an object where there is none.

        Args:
            svm: that is searched with.
            example: the image.
            index: of the example.

        Raises:
            ConfigError: the image cannot be read.
        """
        image, _ = self._prepared(example)
        recipe = self._recipe
        options = HogSvmOptions(model=recipe.model, padding=0)
        windows, margins = Scanner(svm, options)(image.pixels, 0.0)
        is_false = has_no_object(windows, self._view.shrink_xy, image)
        windows, margins = windows[is_false], margins[is_false]
        worst = nms(windows, margins, _SAME, top_k=recipe.hard)
        return self._windows(cut(image.pixels, windows[worst], self._view.window), index)

    def _windows(self, patches: Sequence[Pixels], images: int | npt.NDArray[np.int64]) -> Windows:
        turned = [np.ascontiguousarray(patch[:, ::-1]) for patch in patches]
        numbers = np.broadcast_to(np.asarray(images), len(patches))
        return Windows(self._features(patches), self._features(turned), numbers)

    def _features(self, patches: Sequence[Pixels]) -> Floats:
        described = [np.ravel(self._hog.compute(patch)) for patch in patches]
        length = self._recipe.geometry(self._view).length
        return np.array(described, np.float32).reshape(-1, length)

    def _prepared(self, example: Example) -> tuple[LabelledImage, Floats]:
        """Prepare an image as a run does; and the windows (N, 4) around its objects of the view.

        Objects that do not count in any view become ignored regions.
        """
        image = example.read(has_masks=False).prepared(self._transform)
        recipe, xyxy = self._recipe, image.xyxy
        shapes = [(view.window, view.shrink_xy) for view in recipe.views]
        alike = np.stack([likeness(xyxy, *shape) for shape in shapes])
        views = alike.argmax(axis=0)
        counts = (alike.max(axis=0) >= recipe.least_overlap) & recipe.objects
        windows = np.zeros_like(xyxy)
        for number, shape in enumerate(shapes):
            windows[views == number] = around_objects(xyxy[views == number], *shape)
            is_large = windows[:, 3] - windows[:, 1] >= shape[0][0] / recipe.most_enlarged
            counts &= (views != number) | is_large
        kept = replace(
            image,
            xyxy=xyxy[counts],
            class_ids=image.class_ids[counts],
            ignored=np.concatenate((image.ignored, xyxy[~counts])),
            keypoints=None,
        )
        return kept, windows[counts & (views == self._number)]

    def _resized(self, patches: Sequence[Pixels]) -> list[Pixels]:
        resize = import_opencv().resize
        width_height = self._view.window[::-1]
        return [
            patch
            if patch.shape[1::-1] == width_height
            else np.asarray(resize(patch, width_height), np.uint8)
            for patch in patches
        ]
