"""Filter responses and placements of parts, against their definitions."""

import numpy as np
import pytest

from streamdet.detectors.parts.dpm_scores import every_second, responses


@pytest.mark.parametrize("filter_hw", [(1, 1), (2, 3), (4, 5)])
def test_responses_are_sums_of_products(filter_hw: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    cells = rng.normal(size=(4, 5, 32)).astype(np.float32)
    filters = rng.normal(size=(2, *filter_hw, 32)).astype(np.float32)
    found = responses(cells, filters)
    height, width = filter_hw
    assert found.shape == (2, 5 - height, 6 - width)
    for n, y, x in np.ndindex(*found.shape):
        wanted = (cells[y : y + height, x : x + width] * filters[n]).sum()
        np.testing.assert_allclose(found[n, y, x], wanted, rtol=1e-4, atol=1e-4)


def test_a_filter_larger_than_the_cells_has_no_response() -> None:
    cells = np.zeros((3, 9, 32), dtype=np.float32)
    assert responses(cells, np.zeros((1, 4, 4, 32), dtype=np.float32)).shape == (1, 0, 6)


def test_every_second_place_is_read_from_the_start() -> None:
    values = np.arange(10, dtype=np.float32).reshape(2, 5)
    lowest = -np.inf
    np.testing.assert_array_equal(every_second(values, (1, 0), (1, 3)), [[5, 7, 9]])
    np.testing.assert_array_equal(every_second(values, (0, -1), (1, 3)), [[lowest, 1, 3]])
    np.testing.assert_array_equal(
        every_second(values, (-2, 3), (2, 2)), [[lowest, lowest], [3, lowest]]
    )


def test_places_that_are_all_outside_are_nowhere() -> None:
    values = np.zeros((2, 2), dtype=np.float32)
    assert (every_second(values, (7, 0), (2, 2)) == -np.inf).all()
    assert (every_second(values, (0, -9), (2, 2)) == -np.inf).all()
