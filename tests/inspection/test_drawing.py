"""Sheets show every response, whatever the sizes."""

from __future__ import annotations

import numpy as np
import pytest

from streamdet.inspection.drawing import Finding, contact_sheet, gradient_image, map_sheet
from streamdet.inspection.responses import Response
from streamdet.sinks.drawing import track_color


def finding(hw: tuple[int, int], number: int, *, has_saw: bool = False) -> Finding:
    image = np.full((*hw, 3), 90, np.uint8)
    left = number * hw[1] // 12
    xyxy = (left, 0, min(left + 20, hw[1]), hw[0])
    return Finding(Response(0, (0, number % 3), 1.0), image, xyxy, image if has_saw else None)


@pytest.mark.parametrize("hw", [(40, 60), (800, 1344), (4, 300)])
@pytest.mark.parametrize("count", [1, 9, 12])
def test_every_response_is_marked_in_its_colour(hw: tuple[int, int], count: int) -> None:
    findings = [finding(hw, number) for number in range(count)]
    sheet = map_sheet("title", np.eye(3, dtype=np.float32), findings)
    for number in range(count):
        assert (sheet == track_color(number)).all(axis=2).any()


def test_what_was_seen_is_a_panel_more() -> None:
    values = np.eye(3, dtype=np.float32)
    without = map_sheet("", values, [finding((40, 60), 0)])
    sheet = map_sheet("", values, [finding((40, 60), 0, has_saw=True)])
    assert sheet.shape[1] > without.shape[1]


def test_a_contact_sheet_has_three_patches_a_row() -> None:
    four, nine = (
        contact_sheet("title", [finding((40, 60), number) for number in range(count)])
        for count in (4, 9)
    )
    assert nine.shape[1] / four.shape[1] == pytest.approx(3 / 2, rel=0.02)
    assert nine.shape[0] / four.shape[0] == pytest.approx(3 / 2, rel=0.05)


def test_a_gradient_is_grey_where_it_is_nothing_and_keeps_its_colour() -> None:
    gradient = np.zeros((3, 1, 3), np.float32)
    gradient[0, 0, 1:] = (1, -1)  # red raises, then lowers
    image = gradient_image(gradient, is_rgb=True)
    assert image[0].tolist() == [[128, 128, 128], [128, 128, 255], [128, 128, 1]]
    assert (gradient_image(np.zeros((3, 2, 2), np.float32), is_rgb=False) == 128).all()
