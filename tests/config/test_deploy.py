from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.config.deploy import DeploySettings, load_settings
from streamdet.errors import ConfigError


def write(folder: Path, text: str) -> str:
    (folder / "d.yaml").write_text(text)
    return str(folder / "d.yaml")


def test_the_shipped_settings_are_the_defaults() -> None:
    assert load_settings(environ={}) == DeploySettings()
    assert DeploySettings().is_embedded


def test_the_command_line_replaces_the_redis_address(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, "redis: unix:///a"), redis="redis://u:pw@h")
    assert settings.redis.reveal() == "redis://u:pw@h"
    assert not settings.is_embedded
    assert "pw" not in repr(settings) + settings.model_dump_json()


def test_the_environment_replaces_the_shipped_redis_address() -> None:
    settings = load_settings(environ={"STREAMDET_REDIS": "rediss://h"})
    assert settings.redis.reveal() == "rediss://h"


def test_an_address_of_another_kind_is_refused_without_its_password() -> None:
    with pytest.raises(ConfigError, match=r"^--redis: redis must be embedded") as caught:
        load_settings(redis="ftp://u:pa55@h")
    assert "pa55" not in str(caught.value)


def test_a_secret_address_from_the_environment_is_not_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(environ={"STREAMDET_REDIS": "ftp://u:pa55@host"})
    assert str(caught.value).endswith("got ${STREAMDET_REDIS:-embedded}")


def test_an_unknown_key_names_file_line_and_nearest_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(write(tmp_path, "slots: 4\nrestart: {backof_s: 1}"))
    assert "d.yaml:2: restart.backof_s is an unknown key; did you mean 'backoff_s'?" in str(
        caught.value
    )


def test_an_empty_file_means_defaults_and_a_list_is_refused(tmp_path: Path) -> None:
    assert load_settings(write(tmp_path, "")) == DeploySettings()
    with pytest.raises(ConfigError, match="must hold keys and values"):
        load_settings(write(tmp_path, "[1]"))


def test_an_unknown_name_lists_what_is_shipped() -> None:
    with pytest.raises(ConfigError, match="did you mean 'local'"):
        load_settings("locl")
