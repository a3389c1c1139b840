"""Text files of users, whichever program wrote them."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from streamdet.errors import ConfigError
from streamdet.system.text_file import decoded, read_lines, read_text

TEXT = "Tür\n車"


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF8 * 2, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
def test_the_mark_says_how_the_text_is_encoded(mark: bytes, encoding: str) -> None:
    assert decoded(mark + TEXT.encode(encoding), "f") == TEXT


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_any_system_ends_them(tmp_path: Path, end: str) -> None:
    (tmp_path / "f").write_bytes(f"a{end}{end}b".encode())
    assert read_lines(tmp_path / "f") == ["a", "", "b"]


def test_joined_files_keep_no_mark() -> None:
    part = codecs.BOM_UTF8 + b"a\r\n"
    assert decoded(part * 2, "f") == "a\na\n"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"a\r\nb\r\n\xe9", "f:3: must be UTF-8, got byte 0xe9: save it as UTF-8"),
        (b"a\rb\r\xe9", "f:3: must be UTF-8"),
        (codecs.BOM_UTF8 + b"\xff", "f:1: must be UTF-8, got byte 0xff"),
        (codecs.BOM_UTF16_LE + b"a\0\n\0\x61", "f:2: must be UTF-16, got byte 0x61"),
        ("a\nb".encode("utf-16-le"), "f:1: holds a NUL, so it is no text, or UTF-16 without"),
        (b"a\n\0", "f:2: holds a NUL"),
    ],
)
def test_what_is_no_text_is_named_with_its_line(content: bytes, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        decoded(content, "f")
    assert str(caught.value).startswith(sentence)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent: cannot be read: No such file"):
        read_text(tmp_path / "absent")
    with pytest.raises(ConfigError, match=r"cannot be read: Is a directory"):
        read_text(tmp_path)
