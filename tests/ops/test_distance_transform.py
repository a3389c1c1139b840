"""The distance transform gives what trying every shift gives."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamdet.ops.distance_transform import Floats, distance_transform


def floats(values: list[Any]) -> Floats:
    return np.array(values, dtype=np.float32)


def by_trying(values: Floats, cost: Floats, most: int) -> Floats:
    """The definition: every place against every other, as far as a shift may go."""
    a, b, c, d = cost
    height, width = values.shape
    best = np.full_like(values, -np.inf)
    for y, x in np.ndindex(height, width):
        for v, u in np.ndindex(height, width):
            if max(abs(y - v), abs(x - u)) <= most:
                moved = a * (x - u) ** 2 + b * (x - u) + c * (y - v) ** 2 + d * (y - v)
                best[y, x] = max(best[y, x], values[v, u] - moved)
    return best


@given(
    hw=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    seed=st.integers(0, 2**32 - 1),
    most=st.sampled_from([None, 0, 1, 3]),
)
def test_it_is_the_best_of_all_shifts(hw: tuple[int, int], seed: int, most: int | None) -> None:
    rng = np.random.default_rng(seed)
    maps = rng.normal(size=(2, *hw)).astype(np.float32)
    costs = rng.uniform(-0.5, 0.5, (2, 4)).astype(np.float32)
    costs[:, [0, 2]] = rng.uniform(0.01, 1, (2, 2))
    found = distance_transform(maps, costs, most)
    for values, cost, got in zip(maps, costs, found, strict=True):
        np.testing.assert_allclose(
            got, by_trying(values, cost, 9 if most is None else most), atol=1e-5
        )


def test_a_peak_becomes_a_parabola() -> None:
    row = floats([[[0, 0, 9, 0, 0]]])
    # Cost (x - 2)^2 of the distance to the peak: 9 - 4, 9 - 1, 9, 9 - 1, 9 - 4.
    found = distance_transform(row, floats([[1, 0, 1, 0]]))
    np.testing.assert_array_equal(found, [[[5, 8, 9, 8, 5]]])


def test_the_linear_cost_is_of_the_place_that_gets_less_the_place_that_has() -> None:
    # One step right of the peak costs 1 + 2, one step left 1 - 2.
    found = distance_transform(floats([[[0, 9, 0]]]), floats([[1, 2, 1, 0]]))
    np.testing.assert_array_equal(found, [[[10, 9, 6]]])


def test_an_empty_map_stays_empty() -> None:
    empty = np.zeros((2, 0, 3), dtype=np.float32)
    assert distance_transform(empty, np.ones((2, 4), dtype=np.float32)).shape == (2, 0, 3)


def test_wrong_shapes_and_costs_are_refused() -> None:
    maps = np.zeros((2, 3, 3), dtype=np.float32)
    with pytest.raises(ValueError, match=r"got \(2, 3, 3\) and \(1, 4\)"):
        distance_transform(maps, np.ones((1, 4), dtype=np.float32))
    with pytest.raises(ValueError, match="must be positive"):
        distance_transform(maps, np.zeros((2, 4), dtype=np.float32))
