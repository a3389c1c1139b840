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


def test_the_size_follows_the_source_where_there_are_several() -> None:
    options = StretchOptions(hw=(32, 64), sizes=((32, 64), (64, 128)), enough=0.5)
    stretch = Stretch(options)
    assert stretch.max_output_hw == (64, 128)
    assert stretch.output_hw((60, 100)) == (32, 64)  # shown at .53, which is enough
    assert stretch.output_hw((100, 100)) == (64, 128)  # .32 is not, .64 is
