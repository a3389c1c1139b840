"""Shipped files are found by name, own files by path."""

from pathlib import Path

import pytest

from streamdet.config.files import find_config, shipped, shipped_names
from streamdet.errors import ConfigError


def test_a_checkout_ships_its_own_folders() -> None:
    assert (shipped("configs/models") / "yolox_nano.yaml").is_file()


def test_a_wheel_ships_the_folders_inside_the_package(tmp_path: Path) -> None:
    package = tmp_path / "site-packages" / "streamdet"
    (package / "_data" / "configs" / "models").mkdir(parents=True)
    assert shipped("configs/models", package) == package / "_data" / "configs" / "models"


def test_a_missing_folder_is_named() -> None:
    with pytest.raises(ConfigError, match=r"lacks its folder .*nonsense"):
        shipped("nonsense")


def test_names_come_sorted_without_suffix() -> None:
    names = shipped_names("configs/models")
    assert names == sorted(names)
    assert "hog_people" in names


def test_an_unknown_model_gets_the_nearest_one_and_the_command_that_lists_them() -> None:
    with pytest.raises(ConfigError) as caught:
        find_config("yolox_nan", "configs/models")
    assert str(caught.value) == (
        "'yolox_nan' is none of configs/models: did you mean 'yolox_nano'? wanted a name that"
        " streamdet models list shows, or the path of a .yaml file"
    )


def test_a_name_like_no_other_gets_the_list_alone() -> None:
    with pytest.raises(ConfigError, match="'1234' is none of configs/deploy: wanted one of local"):
        find_config("1234", "configs/deploy")


def test_a_path_is_taken_as_it_is(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.touch()
    assert find_config(str(own), "configs/models") == own
    with pytest.raises(ConfigError, match="no such file"):
        find_config(str(tmp_path / "other.yaml"), "configs/models")
