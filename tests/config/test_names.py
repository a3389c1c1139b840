"""Options that name something of registry.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.config.deploy import DeploySettings, load_settings
from streamdet.config.names import wrong_name
from streamdet.errors import ConfigError


def test_a_known_name_is_taken() -> None:
    assert DeploySettings(pool="shm").pool == "shm"
    assert wrong_name("pixel_format", "bgr24") is None


def test_an_unknown_name_is_refused_with_those_there_are(tmp_path: Path) -> None:
    path = tmp_path / "deploy.yaml"
    path.write_text("pool: smh\n")
    with pytest.raises(ConfigError) as refused:
        load_settings(str(path))
    assert str(refused.value) == f"{path}:1: pool must be shm (perhaps 'shm'), got 'smh'"


def test_a_name_of_another_role_is_unknown() -> None:
    assert wrong_name("pool", "jsonl") == "must be shm, got 'jsonl'"


def test_editors_are_told_the_names() -> None:
    assert DeploySettings.model_json_schema()["properties"]["pool"]["enum"] == ["shm"]
