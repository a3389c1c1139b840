"""Which boxes hold which objects."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from streamdet.training.matching import Assignment, best_overlaps, is_in_ignored, sampled

OBJECTS = torch.tensor([[0.0, 0, 10, 10], [20, 0, 30, 10]])
BOXES = torch.tensor(
    [
        [0.0, 0, 10, 10],  # is the first object
        [0.0, 0, 10, 8],  # 80 of 100 of it
        [20.0, 0, 30, 4],  # 40 of 100 of the second: nothing is better
        [20.0, 6, 30, 10],  # as good
        [22.0, 0, 24, 10],  # 20 of 100
        [50.0, 50, 60, 60],  # nothing
    ]
)


def test_each_box_knows_the_object_it_overlaps_most() -> None:
    overlaps = best_overlaps(BOXES, OBJECTS)
    torch.testing.assert_close(overlaps.iou, torch.tensor([1, 0.8, 0.4, 0.4, 0.2, 0]))
    assert overlaps.row.tolist() == [0, 0, 1, 1, 1, 0]


def test_the_best_boxes_of_an_object_are_marked_all_of_equal_ones() -> None:
    assert best_overlaps(BOXES, OBJECTS).is_best.tolist() == [True, False, True, True, False, False]


def test_an_object_that_no_box_meets_marks_none() -> None:
    overlaps = best_overlaps(BOXES[5:], OBJECTS)
    assert overlaps.iou.tolist() == [0]
    assert overlaps.is_best.tolist() == [False]


def test_without_objects_or_boxes_nothing_overlaps() -> None:
    overlaps = best_overlaps(BOXES, OBJECTS[:0])
    assert overlaps.iou.tolist() == overlaps.row.tolist() == [0] * 6
    assert not overlaps.is_best.any()
    assert [len(column) for column in best_overlaps(BOXES[:0], OBJECTS)] == [0, 0, 0]


def test_a_box_is_ignored_when_half_of_it_lies_in_one_region() -> None:
    regions = torch.tensor([[0.0, 0, 5, 100], [20, 0, 24, 10]])
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 11, 10], [19, 0, 23, 10], [0, 0, 2, 2]])
    assert is_in_ignored(boxes, regions).tolist() == [True, False, True, True]
    assert not is_in_ignored(boxes, regions[:0]).any()


flags = st.lists(st.sampled_from("pn-"), max_size=60)


@settings(deadline=None)
@given(flags, st.integers(1, 20), st.sampled_from([0.25, 0.5]), st.integers(0, 99))
def test_sampling_fills_up_with_negatives(
    flags: list[str], size: int, share: float, seed: int
) -> None:
    positive = torch.tensor([flag == "p" for flag in flags], dtype=torch.bool)
    negative = torch.tensor([flag == "n" for flag in flags], dtype=torch.bool)
    whole = Assignment(torch.zeros(len(flags), dtype=torch.int64), positive, negative)
    kept = sampled(whole, size, share, torch.Generator().manual_seed(seed))
    positives = min(flags.count("p"), int(size * share))
    assert int(kept.is_positive.sum()) == positives
    assert int(kept.is_negative.sum()) == min(flags.count("n"), size - positives)
    assert not (kept.is_positive & ~positive).any()
    assert not (kept.is_negative & ~negative).any()


def test_a_sample_follows_from_the_generator_and_its_boxes_change() -> None:
    negative = torch.ones(50, dtype=torch.bool)
    whole = Assignment(torch.zeros(50, dtype=torch.int64), ~negative, negative)
    generator = torch.Generator().manual_seed(3)
    first, second = (sampled(whole, 5, 0.5, generator).is_negative for _ in range(2))
    again = sampled(whole, 5, 0.5, torch.Generator().manual_seed(3)).is_negative
    assert torch.equal(first, again)
    assert not torch.equal(first, second)
