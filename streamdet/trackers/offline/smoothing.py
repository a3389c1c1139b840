"""Smooths boxes over time: a straight line is fitted around each frame, with Gaussian weights.

What StrongSORT's Gaussian-smoothed interpolation (Du et al. 2023, section 3.4) does by Gaussian
process regression, as local linear regression (Cleveland 1979): it takes time proportional to the
track's length, and does not pull the ends of a track inwards.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streamdet.trackers.offline.track_rows import TrackRows

_WH_FACTOR = 3.0  # people change their size more slowly than their place
_REACH = 4.0  # standard deviations: what lies farther weighs less than .0004

Floats = npt.NDArray[np.float64]


def smoothed(rows: TrackRows, deviation: float) -> npt.NDArray[np.float32]:
    """Smooth the boxes of each track.

    Args:
        rows: all objects of a source.
        deviation: of the weights of centres, frames; that of widths and heights is three times it.

    Returns:
        (R, 4) boxes xyxy; those of no track as they were.
    """
    xyxy = rows.xyxy.copy()
    for track in rows.tracks():
        if len(track) < 3:
            continue
        boxes = rows.xyxy[track].astype(np.float64)
        frames = rows.frames[track]
        centre = line_fits(frames, 0.5 * (boxes[:, :2] + boxes[:, 2:]), deviation)
        wh = line_fits(frames, boxes[:, 2:] - boxes[:, :2], _WH_FACTOR * deviation)
        half = 0.5 * np.maximum(wh, 1e-3)
        xyxy[track] = np.hstack((centre - half, centre + half))
    return xyxy


def line_fits(frames: npt.NDArray[np.int64], values: Floats, deviation: float) -> Floats:
    """Fit a line to values around each frame and take its value there.

    Args:
        frames: (T,) rising.
        values: (T, K) at these.
        deviation: of the weights, frames.

    Returns:
        (T, K).
    """
    places = frames - frames[0]
    reach = int(np.ceil(_REACH * deviation))
    step = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (step / deviation) ** 2)

    def around(signal: Floats, weight: Floats) -> Floats:
        on_grid = np.zeros(places[-1] + 1)
        on_grid[places] = signal
        return np.asarray(np.convolve(on_grid, weight)[reach:][places])

    # np.convolve turns the weights around: a value that lies `step` ahead is met at -step.
    ones = np.ones(len(places))
    w0, w1, w2 = (around(ones, weights * (-step) ** power) for power in range(3))
    spread = w0 * w2 - w1 * w1
    fits = np.empty_like(values)
    for column, value in enumerate(values.T):
        v0, v1 = around(value, weights), around(value, weights * -step)
        line = (w2 * v0 - w1 * v1) / np.maximum(spread, 1e-9)
        fits[:, column] = np.where(spread > 1e-9, line, v0 / w0)
    return fits
