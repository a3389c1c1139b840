"""MOTS text."""

from __future__ import annotations

import pytest

from streamdet.errors import ConfigError
from streamdet.formats.mots_text import MotsRow, is_mots, left_out_text, parse_mots

LINE = "52 1005 1 2 3 132"
ROW = MotsRow(52, 1005, 1, (2, 3), "132")


def test_a_row_comes_out_as_it_went_in() -> None:
    assert ROW.line() == LINE
    assert parse_mots([LINE, "", LINE], "gt.txt") == [ROW, ROW]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("1 1 1 2 3", "gt.txt:1: wanted MOTS text"),
        ("1,1,1,2,3,132", "gt.txt:1: wanted MOTS text"),
        ("1 -1 1 2 3 132", "gt.txt:1: wanted MOTS text"),
        ("1 1 3 2 3 132", r"gt.txt:1: the class must be 1 \(car\), 2 \(pedestrian\) or 10"),
        ("1 1 1 0 3 132", "gt.txt:1: height and width must be 1 or more, got 0 and 3"),
    ],
)
def test_a_wrong_line_is_one_sentence(line: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        parse_mots([line], "gt.txt")


def test_text_of_boxes_is_told_from_text_of_masks() -> None:
    assert is_mots(["", "1 2001 2 375 1242 WSV:2d;1O100"])
    assert not is_mots(["1 1 10 20 30 40"])  # MOT's six columns, with blanks
    assert not is_mots(["1,1,10,20,30,40,1,-1,-1,-1"])
    assert not is_mots([])


def test_classes_without_a_number_are_named() -> None:
    assert left_out_text(["person", "truck", "car", "bus"]).endswith("left out are bus, truck")
    assert left_out_text(["pedestrian", "car"]) == ""
