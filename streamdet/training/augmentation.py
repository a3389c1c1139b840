"""Variation of training images; all chance comes from the generator that is passed.

Mosaic is YOLOv4's (Bochkovskiy et al., 2020, section 3.3) as YOLOX uses it: four images around a
random point of a canvas of twice the size. Scale jitter is that of Ghiasi et al., "Simple
Copy-Paste", 2021, section 3.1: a window of random size and place, padded where it leaves the
image. No library is used: those that keep boxes with the pixels are of restricted licences or
want torchvision, and OpenCV does the work on pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from streamdet.image import Pixels
from streamdet.training.labelled_image import LabelledImage, Pad
from streamdet.training.recipe import Augmentation
from streamdet.transforms.letterbox import fitted_hw

Rng = np.random.Generator


def augmented(
    image: LabelledImage,
    options: Augmentation,
    rng: Rng,
    hw: tuple[int, int] | None,
    pad: Pad,
    magnified: float = 1.0,
) -> LabelledImage:
    """Vary one image: mirror, cut out, change colours.

    Args:
        image: as it came from its file.
        options: how much.
        rng: decides.
        hw: height and width of the network's image, whose shape a jittered window has; None
            where the shape of images changes anyhow.
        pad: value of what lies outside.
        magnified: how much larger than the whole image would be what is shown without jitter.
    """
    if rng.random() < options.flip:
        image = image.flipped(options.flip_pairs)
    if rng.random() < options.crop:
        image = _cropped(image, options, rng, pad)
    if options.scale != (1.0, 1.0) or magnified != 1.0:
        low, high = np.log(options.scale)
        factor = magnified * float(np.exp(rng.uniform(low, high)))
        image = _magnified(image, factor, rng, hw or image.hw, (pad, options.min_visible))
    return replace(image, pixels=recoloured(image.pixels, options, rng))


def mosaic(
    images: Sequence[LabelledImage], hw: tuple[int, int], rng: Rng, pad: Pad
) -> LabelledImage:
    """Make one image of four that have the same classes labelled.

    Each is resized to fit `hw` and touches a common point near the middle; what leaves the canvas
    is cut off.

    Args:
        images: four; without masks and keypoints where one of them has none.
        hw: height and width of the network's image.
        rng: decides where the point lies.
        pad: value of what is left over.

    Returns:
        An image of twice `hw`.
    """
    canvas = 2 * hw[0], 2 * hw[1]
    row, column = (int(side * rng.uniform(0.25, 0.75)) for side in canvas)
    parts = []
    for number, image in enumerate(images):
        fitted = _resized(image, fitted_hw(image.hw, hw))
        height, width = fitted.hw
        top = row - height if number < 2 else row
        left = column - width if number % 2 == 0 else column
        parts.append(fitted.window((-top, -left), canvas, pad, min_visible=0.0))
    return _laid_over(parts, (row, column))


def recoloured(pixels: Pixels, options: Augmentation, rng: Rng) -> Pixels:
    """Change hue, saturation and brightness, each by a random amount within its limit."""
    import cv2

    limits = options.hue, options.saturation, options.brightness
    hue, saturation, brightness = (limit * rng.uniform(-1, 1) for limit in limits)
    if not any(limits):
        return pixels
    levels = np.arange(256)
    tables = (
        ((levels + hue * 180) % 180).astype(np.uint8),  # OpenCV's hues are half degrees
        np.clip(levels * (1 + saturation), 0, 255).astype(np.uint8),
        np.clip(levels * (1 + brightness), 0, 255).astype(np.uint8),
    )
    hsv = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_BGR2HSV)
    changed = cv2.LUT(hsv, np.stack(tables, axis=-1)[None])
    return np.asarray(cv2.cvtColor(changed, cv2.COLOR_HSV2BGR), np.uint8)


def _cropped(image: LabelledImage, options: Augmentation, rng: Rng, pad: Pad) -> LabelledImage:
    shares = rng.uniform(options.crop_side, 1.0, size=2)
    hw = _whole(image.hw[0] * shares[0]), _whole(image.hw[1] * shares[1])
    top, left = (
        int(rng.integers(0, have - want + 1)) for have, want in zip(image.hw, hw, strict=True)
    )
    return image.window((top, left), hw, pad, options.min_visible)


def _magnified(
    image: LabelledImage,
    factor: float,
    rng: Rng,
    shape: tuple[int, int],
    rest: tuple[Pad, float],
) -> LabelledImage:
    """Cut a window of the shape `shape` out: at factor 1 the smallest that holds the image.

    `rest` is what `LabelledImage.window` wants besides.
    """
    unit = max(have / want for have, want in zip(image.hw, shape, strict=True)) / factor
    hw = _whole(shape[0] * unit), _whole(shape[1] * unit)
    top, left = (
        int(rng.integers(min(0, have - want), max(0, have - want) + 1))
        for have, want in zip(image.hw, hw, strict=True)
    )
    return image.window((top, left), hw, *rest)


def _whole(length: float) -> int:
    return max(1, round(length))


def _resized(image: LabelledImage, hw: tuple[int, int]) -> LabelledImage:
    from streamdet.transforms.stretch import Stretch, StretchOptions

    return image.prepared(Stretch(StretchOptions(hw=hw, resample="bilinear")))


def _laid_over(parts: Sequence[LabelledImage], middle: tuple[int, int]) -> LabelledImage:
    """Join four canvases, each of which has its image in a quarter of its own."""
    row, column = middle
    pixels = parts[0].pixels.copy()
    quarters = (
        np.s_[:row, :column],
        np.s_[:row, column:],
        np.s_[row:, :column],
        np.s_[row:, column:],
    )
    for part, quarter in zip(parts, quarters, strict=True):
        pixels[quarter] = part.pixels[quarter]
    return LabelledImage(
        pixels,
        np.concatenate([part.xyxy for part in parts]),
        np.concatenate([part.class_ids for part in parts]),
        np.concatenate([part.ignored for part in parts]),
        parts[0].is_labelled,
        _joined([part.masks for part in parts]),
        _joined([part.keypoints for part in parts]),
    )


def _joined(columns: Sequence[Any]) -> Any:
    return None if any(column is None for column in columns) else np.concatenate(columns)
