"""Files of deformable part models: what they hold, and how wrong ones are named."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamdet.detectors.parts.dpm_file import load_mixture
from streamdet.detectors.parts.felzenszwalb_hog import mirrored
from streamdet.errors import ConfigError
from tests.detectors.small_models import write_dpm


def test_an_xml_gives_its_numbers(tmp_path: Path) -> None:
    write_dpm(tmp_path / "small.xml")
    mixture = load_mixture(tmp_path / "small.xml")
    assert (mixture.cell, mixture.interval, mixture.padding_hw) == (8, 3, (3, 2))
    first, second = mixture.components
    assert (first.bias, second.bias, first.location) == (-2, -2.5, (-0.1, 0.1))
    assert first.window_hw == (3, 2)
    assert [part.anchor_xy for part in second.parts] == [(2, 0), (0, 4)]
    np.testing.assert_allclose(second.parts[1].deformation, [0.1, 0.02, 0.1, -0.01], rtol=1e-6)
    assert second.parts[1].weights.shape == (2, 2, 32)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("PartFilters", "PartFilter", "holds no deformable part model: it has no PartFilters"),
        ("<NumParts>2 2", "<NumParts>2 0", "NumParts says 2, PartFilters has 4"),
        ("<Interval>3", "<Interval>0", "wanted components, and a cell, interval"),
        ("<_>.1 .02", "<_>-.1 .02", "quadratic costs must be > 0"),
        ("<cols>64", "<cols>62", "holds no deformable part model"),
        ("<opencv_storage>", "<opencv", "holds no deformable part model"),
    ],
)
def test_a_wrong_xml_is_named(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    write_dpm(tmp_path / "small.xml")
    text = (tmp_path / "small.xml").read_text()
    (tmp_path / "small.xml").write_text(text.replace(old, new))
    with pytest.raises(ConfigError, match=sentence):
        load_mixture(tmp_path / "small.xml")


def test_an_unknown_suffix_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"a DPM is a \.mat or an \.xml file, got .*m\.pkl"):
        load_mixture(tmp_path / "m.pkl")


@pytest.mark.parametrize("content", [b"", b"MATLAB 5.0 MAT-file" + b" " * 200, b"\0" * 300])
def test_what_is_no_mat_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.mat").write_bytes(content)
    with pytest.raises(ConfigError, match=r"m\.mat holds no deformable part model"):
        load_mixture(tmp_path / "m.mat")


@pytest.mark.parametrize("model", [{"sbin": 8}, {"sbin": 8, "interval": 10, "maxsize": 7}])
def test_a_mat_without_a_grammar_is_named(tmp_path: Path, model: dict[str, Any]) -> None:
    from scipy.io import savemat

    savemat(tmp_path / "m.mat", {"model": model})
    with pytest.raises(ConfigError, match=r"m\.mat holds no deformable part model"):
        load_mixture(tmp_path / "m.mat")


@pytest.mark.data
def test_a_cut_mat_is_named(data: Path, tmp_path: Path) -> None:
    whole = (data / "dpm" / "voc2007-car_final.mat").read_bytes()
    (tmp_path / "cut.mat").write_bytes(whole[:50_000])
    with pytest.raises(ConfigError, match=r"cut\.mat holds no deformable part model"):
        load_mixture(tmp_path / "cut.mat")


@pytest.mark.data
def test_a_mat_gives_its_grammar_with_mirrored_halves(data: Path) -> None:
    mixture = load_mixture(data / "dpm" / "voc2007-person_final.mat")
    assert (mixture.cell, mixture.interval, mixture.padding_hw) == (8, 10, (11, 7))
    assert [component.window_hw for component in mixture.components[::2]] == [
        (8, 7),
        (11, 6),
        (11, 4),
    ]
    first, twin = mixture.components[:2]
    assert first.bias == pytest.approx(-4.4421, abs=1e-4)
    np.testing.assert_array_equal(twin.root, mirrored(first.root))
    np.testing.assert_array_equal(twin.parts[3].weights, mirrored(first.parts[3].weights))
    np.testing.assert_allclose(
        first.parts[0].deformation, [0.00954, 0.01727, 0.03235, 0.00018], atol=1e-5
    )
    np.testing.assert_array_equal(
        twin.parts[0].deformation, first.parts[0].deformation * [1, -1, 1, 1]
    )
