"""A bag of visual words comes back from its file as it was; a wrong file is named in a sentence."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamdet.detectors.parts.bow_model import load_bow_model, save_bow_model
from streamdet.errors import ConfigError
from tests.detectors.small_models import write_bow


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_bow(tmp_path / "bow.npz")
    return tmp_path / "bow.npz"


def test_load_gives_back_what_was_saved(path: Path, tmp_path: Path) -> None:
    first = load_bow_model(path, classes=1)
    save_bow_model(first, tmp_path / "again.npz")
    again = load_bow_model(tmp_path / "again.npz", classes=1)
    assert again.geometry == first.geometry
    assert first.geometry.bins == 1 + 4
    np.testing.assert_array_equal(again.words, first.words)
    np.testing.assert_array_equal(again.coefficients, first.coefficients)
    np.testing.assert_array_equal(again.scales, first.scales)


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"words": None}, "has no array 'words'"),
        ({"words": np.zeros((8, 64))}, r"words must be \(K, 128\), got \(8, 64\)"),
        ({"coefficients": np.zeros((1, 41))}, r"coefficients must be \(1, 40\), got \(1, 41\)"),
        ({"biases": np.zeros(2)}, "biases must be of 1 classes, got 2"),
        ({"step": np.array(0)}, "step, patch, levels and windows must be positive"),
        ({"windows_hw": np.zeros((1, 3))}, "is no bag of visual words"),
        ({"scales": np.array([[0, np.inf]])}, "scales must be finite numbers"),
        ({"levels": np.array(["one"])}, "levels must be finite numbers"),
    ],
)
def test_a_wrong_file_is_named(path: Path, arrays: dict[str, Any], sentence: str) -> None:
    with np.load(path) as file:
        values: dict[str, Any] = {key: file[key] for key in file.files} | arrays
    np.savez(path, **{key: value for key, value in values.items() if value is not None})
    with pytest.raises(ConfigError, match=sentence):
        load_bow_model(path, classes=1)
