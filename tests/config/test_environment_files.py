"""`${file:PATH}` and `${file:PATH#NAME}`: secrets that stand in files."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.config.environment import Replaced, replaced
from streamdet.config.yaml_loader import read_yaml
from streamdet.errors import ConfigError


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    path = tmp_path / "all.env"
    path.write_text("# doors\nDOOR=a=b\nexport YARD = 'c d'\nDOOR=last\nEMPTY=\n")
    return path


def read(text: str) -> Replaced:
    return replaced(text, {}, "g.yaml:3")


def test_a_whole_file_is_a_value_without_its_last_line_break(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text(" p w\n")
    assert read(f"rtsp://u:${{file:{tmp_path}/pw}}@h") == Replaced(
        "rtsp://u: p w@h", uses_environment=True, is_secret=True
    )


@pytest.mark.parametrize(("name", "value"), [("DOOR", "last"), ("YARD", "c d"), ("EMPTY", "")])
def test_a_line_of_a_file_is_a_value(secrets: Path, name: str, value: str) -> None:
    assert read(f"${{file:{secrets}#{name}}}").text == value


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("${file:FOLDER/all.env#HALL}", "all.env has no line HALL=VALUE"),
        ("${file:FOLDER/none}", "none cannot be read: No such file or directory"),
        ("${file:FOLDER}", "cannot be read: Is a directory"),
        ("${file:all.env}", "wants an absolute path, got all.env"),
        ("${file:}", "'${' must go on as ${NAME}, ${NAME:-default} or ${file:PATH}"),
    ],
)
def test_a_file_that_says_nothing_is_an_error(secrets: Path, written: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(written.replace("FOLDER", str(secrets.parent)))
    assert str(caught.value).startswith("g.yaml:3: ")
    assert sentence in str(caught.value)


def test_too_large_a_file_is_none_of_secrets(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * 70_000)
    with pytest.raises(ConfigError, match="it has over 64 KiB"):
        read(f"${{file:{tmp_path}/big}}")


def test_the_value_of_a_file_is_never_shown(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("canary")
    (tmp_path / "g.yaml").write_text(f'uri: "${{file:{tmp_path}/pw}}"')
    text = read_yaml(tmp_path / "g.yaml", {})
    assert text.values == {"uri": "canary"}
    assert "canary" not in text.shown(("uri",), "canary")
