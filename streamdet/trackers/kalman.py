"""Constant-velocity Kalman filters for the boxes of all tracks at once (Kalman 1960).

The covariance of SORT's, ByteTrack's and OC-SORT's filters is block-diagonal: noise and start are
diagonal, and neither the motion nor the measurement joins two of a box's 4 coordinates. So the 7 or
8 dimensional filter is exactly 4 filters of position and velocity, in closed form and without an
inverse. A coordinate without velocity (SORT's aspect ratio) is one whose velocity is 0 and certain.

Axes: C = 4 coordinates of a box, N tracks. `filters` is (5, C, N) float64: position, its variance
(pp), variance of the velocity (vv), velocity, covariance of position and velocity (pv). In this
order what is added at once lies side by side. Noise is given as variances: of measurements (C, N),
of positions and velocities (2, C, N); with N = 1 it is broadcast, which takes NumPy three times as
long.
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
    filters[1:3] = noise
    return filters


def predict(filters: Floats, noise: Floats) -> None:
    """Move all filters one frame ahead, in place.

    Args:
        filters: (5, C, N).
        noise: variances that one frame adds to the position and to the velocity.
    """
    pp, vv, pv = filters[1], filters[2], filters[4]
    filters[:2] += filters[3:]  # position += velocity, pp += pv
    pv += vv
    pp += pv
    filters[1:3] += noise


def correct(filters: Floats, measured: Floats, noise: Floats) -> None:
    """Take one measurement of each filter into account, in place.

    Args:
        filters: (5, C, N).
        measured: (C, N) measured positions.
        noise: variance of the measurement.
    """
    position, velocity = filters[0], filters[3]
    pp, vv, pv = filters[1], filters[2], filters[4]
    total = pp + noise
    gain, velocity_gain = pp / total, pv / total
    surprise = measured - position
    position += gain * surprise
    velocity += velocity_gain * surprise
    vv -= velocity_gain * pv
    left = 1.0 - gain
    pp *= left
    pv *= left
