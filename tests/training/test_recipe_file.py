"""Where a recipe is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.config.files import shipped
from streamdet.errors import ConfigError
from streamdet.training.recipe_file import find_recipe


def test_a_shipped_recipe_is_found_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for said in ("yolox", "yolox.yaml", "configs/recipes/yolox.yaml"):
        assert find_recipe(Path(said)) == shipped("configs/recipes") / "yolox.yaml"


def test_an_own_recipe_comes_before_the_shipped_one_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "yolox.yaml").write_text("")
    assert find_recipe(Path("yolox.yaml")) == Path("yolox.yaml")


@pytest.mark.parametrize("said", ["yolx.yaml", "elsewhere/yolx.yaml"])
def test_a_recipe_that_is_not_there_is_told_with_the_nearest(said: str) -> None:
    with pytest.raises(ConfigError, match=f"{said}: no such file and no .*did you mean 'yolox'"):
        find_recipe(Path(said))
