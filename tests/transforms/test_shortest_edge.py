"""Shortest edge follows detectron2's rule."""

import pytest
from pydantic import ValidationError

from streamdet.transforms.shortest_edge import ShortestEdge, ShortestEdgeOptions


@pytest.mark.parametrize(
    ("hw", "output_hw"),
    [
        ((480, 640), (800, 1067)),  # 1066.67 is rounded
        ((640, 480), (1067, 800)),
        ((1080, 1920), (750, 1333)),  # 1422 would be over the limit: 1080 * 1333 / 1920 = 749.8
        ((1, 5000), (1, 1333)),  # 0.27 would be no image
    ],
)
def test_the_shorter_side_gets_its_length_within_the_limit(
    hw: tuple[int, int], output_hw: tuple[int, int]
) -> None:
    transform = ShortestEdge(ShortestEdgeOptions(shortest_edge=800, longest_edge=1333))
    assert transform.output_hw(hw) == output_hw


def test_a_limit_below_the_shorter_side_is_refused() -> None:
    with pytest.raises(ValidationError, match="longest_edge 400 is less than shortest_edge 500"):
        ShortestEdgeOptions(shortest_edge=500, longest_edge=400)
