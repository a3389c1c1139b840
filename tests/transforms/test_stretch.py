"""Stretch gives each axis its own scale."""

import numpy as np

from streamdet.frame import Geometry
from streamdet.image import ArrayImage
from streamdet.transforms.stretch import Stretch, StretchOptions


def test_each_axis_has_its_own_scale() -> None:
    out = np.zeros((6, 4, 3), dtype=np.uint8)
    geometry = Stretch(StretchOptions(hw=(6, 4)))(
        ArrayImage(np.full((3, 8, 3), 5, dtype=np.uint8)), out
    )
    assert geometry == Geometry((0.5, 2.0))
    assert (out == 5).all()
