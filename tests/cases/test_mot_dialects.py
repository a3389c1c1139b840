"""MOT text as other tools write it is read with its box, or refused in one sentence."""

from __future__ import annotations

import numpy as np
import pytest

from streamdet.errors import ConfigError
from streamdet.formats.mot_text import parse_mot

PLAIN = "2,7,11,21,30,60,0.5,-1,-1,-1"


def refusal(*lines: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_mot([*lines], "d.txt")
    return str(caught.value)


@pytest.mark.parametrize(
    "lines",
    [
        [PLAIN.replace(",", " ")],
        ["  2   7  11 21  30 60 0.5  "],
        [PLAIN.replace(",", "\t")],
        [PLAIN.replace(",", ";")],
        [PLAIN.replace(",", ", ")],
        [f"{PLAIN},"],
        [PLAIN.replace(",", ";") + ";"],
        ["2.0,7.0,11.0,21.0,30.0,60.0,0.5,-1,-1,-1"],
        ['"2","7","11","21","30","60","0.5"'],
        ["# made by a tool, on a day", "", PLAIN, "  ", ",,,,"],
        ["# frame numbers start at one in this file", PLAIN],
        ["frame,id,x,y,w,h,conf,a,b,c", PLAIN],
        ["Frame;ID;bb_left;bb_top;bb_width;bb_height;conf;x;y;z", PLAIN.replace(",", ";")],
        ["frame_id track_id bbox_left bbox_top bbox_w bbox_h score", "2 7 11 21 30 60 0.5"],
        ["# frame id x1 y1 w h", "2 7 11 21 30 60 0.5"],
        ["# frame id x1 y1 w h score", "2 7 11 21 30 60 5e-1"],
    ],
)
def test_a_dialect_is_read_as_the_plain_line(lines: list[str]) -> None:
    rows = parse_mot(lines)
    np.testing.assert_array_equal(rows.xyxy, [[10, 20, 40, 80]])
    assert (rows.frames.tolist(), rows.track_ids.tolist()) == ([2], [7])
    assert (rows.scores.tolist(), rows.class_ids.tolist()) == ([0.5], [1])


@pytest.mark.parametrize(
    ("line", "score", "class_id"),
    [
        ("2,7,11,21,30,60", 1.0, 1),
        ("2,7,11,21,30,60,0", 0.0, 1),
        ("2,7,11,21,30,60,0.5,3", 0.5, 3),
        ("2,7,11,21,30,60,0.5,-1", 0.5, 1),
        ("2,7,11,21,30,60,0.5,3,0.9", 0.5, 3),
        ("2,7,11,21,30,60,0.5,-3.2,16.3,0.4", 0.5, 1),
        ("2,7,11,21,30,60,0.5,0,0,0", 0.5, 1),
    ],
)
def test_what_columns_there_are_says_score_and_class(
    line: str, score: float, class_id: int
) -> None:
    rows = parse_mot([line])
    assert rows.xyxy.tolist() == [[10, 20, 40, 80]]
    assert (rows.scores.tolist(), rows.class_ids.tolist()) == ([score], [class_id])


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("frame,id,x1,y1,x2,y2,conf", "the header calls column 5 'x2', wanted the width"),
        ("# frame,id,left,top,right,bottom", "the header calls column 5 'right', wanted the wi"),
        ("frame,id,cx,cy,w,h", "the header calls column 3 'cx', wanted the left"),
        ("# id,frame,x,y,w,h", "the header calls column 1 'id', wanted the frame"),
        ("id,frame,x,y,w,h", "the header calls column 1 'id', wanted the frame"),
        (",frame,id,x,y,w,h", "the header calls column 1 '', wanted the frame"),
        ("frame,id,x,y,w,h,class", "the header calls column 7 'class', wanted the score"),
        ("frame,id,x,y,w,h,conf,visibility", "the header calls column 8 'visibility', wanted the"),
        ("frame,id,x,y,w,h,score,object_category,truncation,occlusion", "as VisDrone does"),
    ],
)
def test_a_header_of_another_order_is_refused(header: str, sentence: str) -> None:
    message = refusal(header, PLAIN)
    assert message.startswith("d.txt:1: ")
    assert sentence in message


@pytest.mark.parametrize(
    "lines",
    [
        ["1,1,5,5,9,9,1,1,0,0", "1,2,5,5,9,9,1,4,0,1"],
        ["1,1,5,5,9,9,1,1,0,0", "1,2,5,5,9,9,1,0,0,0"],  # a pedestrian, an ignored region
        ["684,8,273,116,0,0,0,0", "406,119,265,70,1,4,0,1"],  # of images: no frame, no id
    ],
)
def test_visdrone_s_order_is_refused(lines: list[str]) -> None:
    assert refusal(*lines).startswith("d.txt: looks like VisDrone's text")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("1;7;10,5;20;30;60;0,9", "d.txt:1: wanted numbers, with a point before the decimals"),
        ("1,7,10,10,30,60,,-1,-1,-1", "d.txt:1: column 7 is empty, wanted a number"),
        ("1,7.5,10,10,30,60", "d.txt:1: wanted a whole number, the id, in column 2, got 7.5"),
        ("1,7,10,10,30,60,1,0.8", "d.txt:1: wanted a whole number, the class, in column 8"),
        ("1,7,10,10,30", "d.txt:1: wanted 6 to 10 columns with commas, semicolons"),
        ("0 0 Pedestrian 0 0 -10.4 1106.1 166.5 1204.4 323.8", "d.txt:1: wanted numbers"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(line: str, sentence: str) -> None:
    assert refusal(line).startswith(sentence)


def test_a_line_that_was_cut_off_is_not_read_as_another_box() -> None:
    assert refusal(PLAIN, "3,7,11,21,30,6") == "d.txt:2: wanted 10 columns as in line 1, got 6"


def test_text_without_boxes_has_none() -> None:
    assert len(parse_mot(["frame,id,x,y,w,h", ""])) == 0
