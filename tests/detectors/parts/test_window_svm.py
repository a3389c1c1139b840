"""An SVM over a window comes back from its file as it was; a wrong file is named in a sentence."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamdet.detectors.parts.margins import MarginScale
from streamdet.detectors.parts.window_svm import (
    HogGeometry,
    WindowSvm,
    load_window_svms,
    save_window_svms,
)
from streamdet.errors import ConfigError

# 24 x 32 pixels: 2 x 3 blocks of 4 cells and 9 bins.
GEOMETRY = HogGeometry(window_hw=(24, 32))
COEFFICIENTS = np.arange(2 * 3 * 4 * 9, dtype=np.float32)
SVM = WindowSvm(GEOMETRY, COEFFICIENTS, -0.25, (0.1, 0.2), MarginScale(0.5, 2.0))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_window_svms([SVM], tmp_path / "svm.npz")
    return tmp_path / "svm.npz"


def test_an_svm_over_signed_gradients_comes_back_as_one(tmp_path: Path) -> None:
    signed = replace(SVM, geometry=replace(GEOMETRY, is_signed=True))
    save_window_svms([signed], tmp_path / "svm.npz")
    assert load_window_svms(tmp_path / "svm.npz")[0].geometry.is_signed


def changed(path: Path, **arrays: Any) -> None:
    with np.load(path) as file:
        values = {key: file[key] for key in file.files}
    kept = {key: value for key, value in (values | arrays).items() if value is not None}
    np.savez(path, **kept)


def test_load_gives_back_what_was_saved(path: Path) -> None:
    [svm] = load_window_svms(path)
    assert svm.geometry.length == 216
    assert (svm.geometry.window_hw, svm.geometry.bins) == ((24, 32), 9)
    assert (svm.bias, svm.shrink_xy, svm.scale) == (SVM.bias, SVM.shrink_xy, SVM.scale)
    np.testing.assert_array_equal(svm.coefficients, COEFFICIENTS)


def test_the_svms_of_several_views_come_back_in_their_order(tmp_path: Path) -> None:
    geometry = HogGeometry(window_hw=(32, 32))
    square = replace(SVM, geometry=geometry, coefficients=np.ones(geometry.length, np.float32))
    save_window_svms([SVM, square], tmp_path / "svm.npz")
    first, second = load_window_svms(tmp_path / "svm.npz")
    assert (first.geometry.window_hw, second.geometry.window_hw) == ((24, 32), (32, 32))
    np.testing.assert_array_equal(second.coefficients, square.coefficients)


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"views": None}, "has no array 'views'"),
        ({"views": np.array("two")}, "views must be finite numbers"),
        ({"views": np.array(0)}, "views must be 1 to 64, got 0"),
        ({"views": np.array(2)}, "has no array 'coefficients_1'"),
        ({"bias_0": None}, "has no array 'bias_0'"),
        ({"coefficients_0": COEFFICIENTS[1:]}, r"coefficients must be \(216,\).*got \(215,\)"),
        (
            {"coefficients_0": COEFFICIENTS[None]},
            r"coefficients_0 must have 1 axes, got shape \(1,",
        ),
        ({"coefficients_0": COEFFICIENTS * np.nan}, "coefficients_0 must be finite"),
        ({"window_hw_0": np.array([24, 32, 3])}, "window_hw_0 must be 2 numbers, got 3"),
        ({"cell_hw_0": np.array([7, 8])}, "cells must fill the block"),
        ({"bins_0": np.array(0)}, "bins must be positive"),
        ({"bias_0": np.array(object())}, "must be an .npz of plain arrays: Object arrays"),
    ],
)
def test_a_wrong_file_is_named(path: Path, arrays: dict[str, Any], sentence: str) -> None:
    changed(path, **arrays)
    with pytest.raises(ConfigError, match=sentence):
        load_window_svms(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"no such thing"])
def test_what_is_no_npz_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "svm.npz").write_bytes(content)
    with pytest.raises(ConfigError, match=r"svm.npz must be an .npz of plain arrays"):
        load_window_svms(tmp_path / "svm.npz")


def test_a_single_array_is_no_model(tmp_path: Path) -> None:
    with (tmp_path / "svm.npz").open("wb") as file:
        np.save(file, COEFFICIENTS)
    with pytest.raises(ConfigError, match=r"must be an \.npz of plain"):
        load_window_svms(tmp_path / "svm.npz")
