"""Classes that only the truth or only the model has."""

from __future__ import annotations

from streamdet.evaluation.class_notes import class_notes
from streamdet.evaluation.truth import Truth, TruthImage, TruthObject

TRUTH = Truth(
    "truth.json",
    {1: TruthImage(1, "1.jpg", (9, 9))},
    {1: "person", 2: "cat", 3: "unused"},
    tuple(TruthObject(1, number, (1, 1, 2, 2), 4.0) for number in (1, 2)),
)


def test_both_sides_are_told() -> None:
    assert class_notes(TRUTH, ["person", "car", "bus", "N/A"], "the model") == (
        "1 class of the truth is not among those of the model and does not count: cat",
        "2 classes of the model are not in the truth and do not count: bus, car",
    )


def test_long_lists_are_cut() -> None:
    _, note = class_notes(TRUTH, [*"abcdefg", "person"], "the graph")
    assert note == "7 classes of the graph are not in the truth and do not count: a, b, c, d, e ..."


def test_equal_classes_need_no_note() -> None:
    assert class_notes(TRUTH, ["person", "cat"], "the model") == ()
