"""How pixels lie in memory."""

import numpy as np

from streamdet.image import BGR24, ArrayImage, PixelFormat


def test_a_pixel_format_tells_the_shape_and_the_bytes_of_an_image() -> None:
    assert (BGR24.shape((4, 6)), BGR24.byte_count((4, 6))) == ((4, 6, 3), 72)
    depth = PixelFormat("gray16le", 1, np.dtype(np.uint16))
    assert (depth.shape((4, 6)), depth.byte_count((4, 6))) == ((4, 6, 1), 48)


def test_an_image_is_copied_into_a_place_of_its_size() -> None:
    out = np.zeros((2, 3, 3), np.uint8)
    ArrayImage(np.full((2, 3, 3), 7, np.uint8)).copy_into(out)
    assert out.tolist() == [[[7] * 3] * 3] * 2
