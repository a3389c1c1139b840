"""Cells are listed map by map, row by row."""

from streamdet.detectors.parts.grid import cell_grid


def test_cells_run_along_the_rows_of_each_map() -> None:
    cells, strides = cell_grid((16, 24), [8, 16])  # 2 x 3 cells, then 1 x 2
    assert cells.tolist() == [[0, 0], [1, 0], [2, 0], [0, 1], [1, 1], [2, 1], [0, 0], [1, 0]]
    assert strides.ravel().tolist() == [8] * 6 + [16] * 2
