"""Where the benches find what they measure with."""

from pathlib import Path

import pytest

from streamdet.bench.material import find_material
from streamdet.errors import ConfigError


def test_a_stated_folder_comes_before_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "videos").mkdir()
    monkeypatch.setenv("STREAMDET_TEST_DATA", "/nowhere")
    material = find_material(tmp_path)
    assert material.folder == tmp_path
    assert material.environ["STREAMDET_MODELS"] == str(tmp_path / "weights")


def test_a_folder_without_test_data_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMDET_TEST_DATA", "/nowhere")
    with pytest.raises(ConfigError, match="--data: /nowhere holds no test data"):
        find_material(None)
