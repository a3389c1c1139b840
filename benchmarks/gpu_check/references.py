"""What prepare.cu and yolox.cu must give, in numpy alone: nothing else may be installed there."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def resized(pixels: Array, hw: tuple[int, int]) -> Array:
    """OpenCV's INTER_LINEAR of bytes, (H, W, 3) -> (*hw, 3); tests/kernels compare with cv2."""
    rows, row_shares = _between(hw[0], pixels.shape[0], is_column=False)
    columns, column_shares = _between(hw[1], pixels.shape[1], is_column=True)
    values = pixels.astype(np.int32)
    parts = [
        values[:, place] * share[None, :, None]
        for place, share in zip(columns, column_shares, strict=True)
    ]
    across = parts[0] + parts[1]
    halves = [
        share[:, None, None] * (across[place] >> 4) >> 16
        for place, share in zip(rows, row_shares, strict=True)
    ]
    return np.asarray((halves[0] + halves[1] + 2) >> 2).astype(np.uint8)


def _between(count: int, extent: int, *, is_column: bool) -> tuple[list[Array], list[Array]]:
    scale = 1 / (count / extent)
    position = ((np.arange(count) + 0.5) * scale - 0.5).astype(np.float32)
    low = np.floor(position).astype(np.int32)
    share = position - low.astype(np.float32)
    if is_column:
        share[(low < 0) | (low >= extent - 1)] = 0
    shares = [np.rint((1 - share) * 2048), np.rint(share * 2048)]
    places = [low.clip(0, extent - 1), (low + 1).clip(0, extent - 1)]
    return places, [each.astype(np.int32) for each in shares]


def normalised(bgr: Array, mean: tuple[float, ...], std: tuple[float, ...]) -> Array:
    """RGB planes, less `mean`, by `std`: (H, W, 3) bytes -> (3, H, W) float32."""
    rgb = bgr[:, :, ::-1].astype(np.float32)
    return np.asarray(
        ((rgb - np.array(mean, np.float32)) / np.array(std, np.float32)).transpose(2, 0, 1)
    )


def bgr_of_nv12(luma: Array, pairs: Array, factors: tuple[int, ...]) -> Array:
    """FFmpeg's yuv420p -> bgr24 on x86, (H, W) and (H / 2, W) bytes -> (H, W, 3)."""
    factor, offset, blue_u, green_u, green_v, red_v = factors
    wide = pairs.reshape(len(pairs), -1, 2).repeat(2, axis=0).repeat(2, axis=1).astype(np.int32)
    u, v = (wide[..., plane] * 8 - 1024 for plane in range(2))
    light = (luma.astype(np.int32) * 8 - offset) * factor >> 16
    green = light + (u * green_u >> 16) + (v * green_v >> 16)
    planes = [light + (u * blue_u >> 16), green, light + (v * red_v >> 16)]
    return np.stack(planes, axis=2).clip(0, 255).astype(np.uint8)


def top_cells(
    output: Array, input_hw: tuple[int, int], score_thresh: float, most: int
) -> tuple[Array, Array, Array]:
    """The best cells of one image of YOLOX, decoded: boxes, scores and classes by falling score.

    Args:
        output: (N, 5 + C).
        input_hw: of the network's image, pixels.
        score_thresh: lowest score of a candidate.
        most: how many at most.
    """
    class_ids = output[:, 5:].argmax(axis=1)
    scores = output[:, 4] * output[np.arange(len(output)), 5 + class_ids]
    rows = np.flatnonzero((output[:, 4] >= score_thresh) & (scores >= score_thresh))
    rows = rows[np.argsort(-scores[rows], kind="stable")][:most]
    corners, strides = _grid(input_hw)
    centres = (output[rows, :2] + corners[rows]) * strides[rows]
    half = np.exp(output[rows, 2:4]) * strides[rows] / 2
    return np.concatenate([centres - half, centres + half], axis=1), scores[rows], class_ids[rows]


def _grid(hw: tuple[int, int]) -> tuple[Array, Array]:
    """Columns and rows (N, 2) of all cells, map by map, and their strides (N, 1)."""
    corners, strides = [], []
    for stride in (8, 16, 32):
        rows, columns = np.mgrid[: -(-hw[0] // stride), : -(-hw[1] // stride)]
        corners.append(np.stack([columns.ravel(), rows.ravel()], axis=1))
        strides.append(np.full((rows.size, 1), stride))
    return np.concatenate(corners).astype(np.float32), np.concatenate(strides).astype(np.float32)


def nv12(pixels: Any) -> Any:
    """BGR (H, W, 3) uint8 as (H * 3 / 2, W): OpenCV's COLOR_BGR2YUV_I420, its u and v in pairs."""
    blue, green, red = (pixels[..., channel].astype(np.int64) for channel in range(3))
    half = 1 << 19
    luma = (269484 * red + 528482 * green + 102760 * blue + half + (16 << 20)) >> 20
    blue, green, red = (each[::2, ::2] for each in (blue, green, red))
    u = (-155188 * red - 305135 * green + 460324 * blue + half + (128 << 20)) >> 20
    v = (460324 * red - 385875 * green - 74448 * blue + half + (128 << 20)) >> 20
    pairs = np.stack([u, v], axis=2).reshape(len(u), -1)
    return np.concatenate([luma, pairs]).astype(np.uint8)
