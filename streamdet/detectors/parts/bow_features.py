"""From an image to its visual words, and from regions to histograms of them.

Dense SIFT at every step (Lowe, IJCV 2004; OpenCV's), each replaced by its nearest word, counted in
the bins of a spatial pyramid: Lazebnik, Schmid, Ponce, "Beyond Bags of Features", CVPR 2006. Sums
over all words above and left of each place make the histogram of any box a matter of four reads
per bin. K words, h x w descriptors, N boxes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from streamdet.detectors.parts.bow_model import DESCRIPTOR, BowGeometry
from streamdet.detectors.parts.opencv import import_opencv
from streamdet.image import Pixels

Floats = npt.NDArray[np.float32]


def dense_sift(image: Pixels, geometry: BowGeometry) -> Floats:
    """Describe the image at every step, upright.

    Args:
        image: (H, W, 3) uint8 BGR.
        geometry: step and patch.

    Returns:
        (h, w, 128) float32, square roots of the shares of each descriptor (RootSIFT: Arandjelovic,
        Zisserman, CVPR 2012), 0 where the image is even; h or w is 0 where no patch fits.
    """
    rows, columns = (_places(side, geometry) for side in image.shape[:2])
    if not len(rows) or not len(columns):
        return np.zeros((len(rows), len(columns), DESCRIPTOR), dtype=np.float32)
    cv2 = import_opencv()
    # OpenCV's descriptor spans 4 bins of 3 * size / 2 pixels.
    size = geometry.patch / 6
    keypoints = [cv2.KeyPoint(float(x), float(y), size, 0.0) for y in rows for x in columns]
    grey: Any = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    _, found = cv2.SIFT_create().compute(grey, keypoints)
    shares = found / np.maximum(found.sum(axis=1, keepdims=True), 1.0)
    roots: Floats = np.sqrt(shares, dtype=np.float32)
    return roots.reshape(len(rows), len(columns), DESCRIPTOR)


def nearest_words(descriptors: Floats, words: Floats) -> npt.NDArray[np.intp]:
    """Give (h, w) numbers of the words that are nearest to (h, w, 128) descriptors."""
    distances = np.square(words).sum(axis=1) - 2 * (descriptors @ words.T)
    return np.asarray(distances.argmin(axis=-1))


def word_sums(word_map: npt.NDArray[np.intp], count: int) -> npt.NDArray[np.int32]:
    """Count each word above and left of every place.

    Args:
        word_map: (h, w), 0..count - 1.
        count: K.

    Returns:
        (h + 1, w + 1, K): at [y, x, k] how often word k is in word_map[:y, :x].
    """
    height, width = word_map.shape
    sums = np.zeros((height + 1, width + 1, count), dtype=np.int32)
    y, x = np.mgrid[1 : height + 1, 1 : width + 1]
    sums[y, x, word_map] = 1
    np.cumsum(sums, axis=0, out=sums)
    np.cumsum(sums, axis=1, out=sums)
    return sums


def pyramid_features(
    sums: npt.NDArray[np.int32], xyxy: npt.NDArray[np.floating], geometry: BowGeometry
) -> Floats:
    """Describe boxes by the square roots of the shares of words in each bin.

    The inner product of two such vectors is the Hellinger kernel of their histograms, which stands
    in for the paper's histogram intersection: it needs no kernel at run time (Vedaldi, Zisserman,
    "Efficient Additive Kernels via Explicit Feature Maps", CVPR 2010). Levels weigh as in the
    paper, equation 3: 1/4, 1/4, 1/2 for three.

    Args:
        sums: (h + 1, w + 1, K), of `word_sums`.
        xyxy: (N, 4) pixels; what lies outside the image holds no words.
        geometry: of the descriptors.

    Returns:
        (N, bins * K) float32, bin by bin, of length 1; 0 for a box without words.
    """
    total = _counts(sums, xyxy[:, None, :], geometry).sum(axis=2, keepdims=True)
    parts = []
    for index, level in enumerate(geometry.levels):
        weight = 0.5 ** (len(geometry.levels) - max(index, 1))
        counts = _counts(sums, _bin_boxes(xyxy, level), geometry)
        shares = weight * counts / np.maximum(total, 1)
        length = counts.shape[1] * counts.shape[2]  # said, as there may be no box
        parts.append(np.sqrt(shares, dtype=np.float32).reshape(len(xyxy), length))
    return np.concatenate(parts, axis=1)


def _places(side: int, geometry: BowGeometry) -> npt.NDArray[np.intp]:
    """Centres of the patches that fit in a side, pixels."""
    half = geometry.patch // 2
    return np.arange(half, side - half + 1, geometry.step)


def _bin_boxes(xyxy: npt.NDArray[np.floating], level: int) -> npt.NDArray[np.floating]:
    """Cut (N, 4) boxes into (N, level * level, 4), row by row."""
    corner, side = xyxy[:, None, :2], (xyxy[:, None, 2:] - xyxy[:, None, :2]) / level
    y, x = np.divmod(np.arange(level * level), level)
    places = np.stack([x, y], axis=1)
    return np.concatenate([corner + places * side, corner + (places + 1) * side], axis=2)


def _counts(
    sums: npt.NDArray[np.int32], xyxy: npt.NDArray[np.floating], geometry: BowGeometry
) -> npt.NDArray[np.int32]:
    """Count the words whose centre is in each of (N, M, 4) boxes: (N, M, K)."""
    indices = np.ceil((xyxy - geometry.patch // 2) / geometry.step).astype(np.intp)
    x1, x2 = (np.clip(indices[..., axis], 0, sums.shape[1] - 1) for axis in (0, 2))
    y1, y2 = (np.clip(indices[..., axis], 0, sums.shape[0] - 1) for axis in (1, 3))
    return np.asarray(sums[y2, x2] - sums[y1, x2] - sums[y2, x1] + sums[y1, x1])
