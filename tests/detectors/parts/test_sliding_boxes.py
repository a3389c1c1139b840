"""Sliding boxes lie in the image, a share of their size apart."""

import numpy as np

from streamdet.detectors.parts.sliding_boxes import sliding_boxes


def test_boxes_come_row_by_row_and_end_at_the_border() -> None:
    found = sliding_boxes((10, 12), [(8, 8)], step=0.25)
    assert found.tolist() == [
        [0, 0, 8, 8],
        [2, 0, 10, 8],
        [4, 0, 12, 8],
        [0, 2, 8, 10],
        [2, 2, 10, 10],
        [4, 2, 12, 10],
    ]


def test_high_boxes_step_further_down_than_right() -> None:
    found = sliding_boxes((8, 4), [(4, 2)], step=0.5)
    assert np.unique(found[:, 0]).tolist() == [0, 1, 2]
    assert np.unique(found[:, 1]).tolist() == [0, 2, 4]


def test_an_image_too_small_has_no_box_of_that_size() -> None:
    assert sliding_boxes((1, 1), [(2, 1), (1, 2)], step=0.5).shape == (0, 4)
    assert sliding_boxes((4, 4), [(9, 9), (4, 4)], step=0.01).tolist() == [[0, 0, 4, 4]]
