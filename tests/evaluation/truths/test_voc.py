"""Ground truth in VOC's format."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.errors import ConfigError
from streamdet.evaluation.truths.voc import read_voc

IMAGE = """<annotation><filename>a.jpg</filename>
<size><width>90</width><height>80</height><depth>3</depth></size>{}</annotation>"""


def an_object(name: str, box: str, difficult: int = 0) -> str:
    x1, y1, x2, y2 = box.split()
    return (
        f"<object><name>{name}</name><difficult>{difficult}</difficult><bndbox><xmin>{x1}</xmin>"
        f"<ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>"
    )


def test_pixels_from_1_to_10_are_a_box_ten_wide_at_0(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(IMAGE.format(an_object("cat", "1 11 10 40")))
    truth = read_voc(tmp_path)
    [cat] = truth.objects
    assert (cat.xywh, cat.area) == ((0.0, 10.0, 10.0, 30.0), 300.0)
    assert (truth.images[1].file_name, truth.images[1].hw) == ("a.jpg", (80, 90))


def test_classes_are_numbered_by_name_and_difficult_ones_do_not_count(tmp_path: Path) -> None:
    objects = an_object("dog", "1 1 9 9") + an_object("cat", "1 1 9 9", difficult=1)
    (tmp_path / "a.xml").write_text(IMAGE.format(objects))
    truth = read_voc(tmp_path)
    assert truth.categories == {1: "cat", 2: "dog"}
    assert [(each.category_id, each.is_ignored) for each in truth.objects] == [
        (2, False),
        (1, True),
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("<annotation>", "a.xml: is not XML"),
        ("<html></html>", "a.xml: has no <size>, wanted VOC's <annotation>"),
        (IMAGE.format("<object><name>cat</name></object>"), "has no <name> or no <bndbox>"),
        (IMAGE.format(an_object("cat", "1 1 nan 5")), "<xmax> of a <bndbox> must be a number"),
        (IMAGE.format(an_object("cat", "9 1 2 5")), "must run from left to right"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_voc(tmp_path)
    assert sentence in str(caught.value)


def test_wrong_objects_can_be_left_out(tmp_path: Path) -> None:
    objects = an_object("cat", "9 1 2 5") + an_object("cat", "1 1 9 9")
    (tmp_path / "a.xml").write_text(IMAGE.format(objects))
    (tmp_path / "b.xml").write_text("no XML")
    told: list[ConfigError] = []
    truth = read_voc(tmp_path, told.append)
    assert [each.place for each in truth.objects] == [f"{tmp_path}/a.xml: <object> 2"]
    assert (len(told), list(truth.images)) == (2, [1])
