"""Constant-velocity Kalman filters for the boxes of all tracks at once (Kalman 1960).

The covariance of SORT's, ByteTrack's and OC-SORT's filters is block-diagonal: noise and start are
diagonal, and neither the motion nor the measurement joins two of a box's 4 coordinates. So the 7 or
8 dimensional filter is exactly 4 filters of position and velocity, in closed form and without an
inverse. A coordinate without velocity (SORT's aspect ratio) is one whose velocity is 0 and certain.

Axes: C = 4 coordinates of a box, N tracks. `filters` is (5, C, N) float64: position, velocity, and
of the covariance position-position, position-velocity, velocity-velocity. Noise is given as
variances: of measurements such that they broadcast to (C, N), of positions and velocities to
(2, C, N).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def start_filters(position: Floats, noise: Floats) -> Floats:
    """Make filters at rest.

    Args:
        position: (C, N) first measurements.
        noise: variances of the first position and of the first velocity.

    Returns:
        (5, C, N) filters.
    """
    filters = np.zeros((5, *position.shape))
    filters[0] = position
    filters[2::2] = noise
    return filters


def predict(filters: Floats, noise: Floats) -> None:
    """Move all filters one frame ahead, in place.

    Args:
        filters: (5, C, N).
        noise: variances that one frame adds to the position and to the velocity.
    """
    position, velocity, pp, pv, vv = filters
    position += velocity
    pp += pv
    pv += vv
    pp += pv
    filters[2::2] += noise


def correct(filters: Floats, measured: Floats, noise: Floats) -> None:
    """Take one measurement of each filter into account, in place.

    Args:
        filters: (5, C, N).
        measured: (C, N) measured positions.
        noise: variance of the measurement.
    """
    position, _, pp, pv, vv = filters
    gains = filters[2:4] / (pp + noise)  # (2, C, N): of the position and of the velocity
    filters[:2] += gains * (measured - position)
    vv -= gains[1] * pv
    filters[2:4] *= 1.0 - gains[0]
