"""Text files of users, whichever program wrote them: UTF-8, or UTF-16 and UTF-32 with their mark.

Lines end in LF, CRLF or CR. A byte order mark is no part of the text, nor is one at the start of a
later line, where files were joined.
"""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Final

from streamdet.errors import ConfigError
from streamdet.system.redaction import short

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16's mark, with which it begins
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MARK_AT_LINE_START: Final = re.compile("^\ufeff+", re.MULTILINE)


def read_text(path: Path) -> str:
    """Read a file; lines end in LF alone.

    Raises:
        ConfigError: it cannot be read, or is no text; names file and line.
    """
    return decoded(read_content(path), str(path))


def read_content(path: Path) -> bytes:
    """Read the bytes of a file.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be read: {exc.strerror}") from exc


def read_lines(path: Path) -> list[str]:
    """Read the lines of a file, without their ends.

    Raises:
        ConfigError: as `read_text`.
    """
    return read_text(path).split("\n")


def decoded(content: bytes, name: str, stated: str = "utf-8") -> str:
    """Turn the bytes of a file into text; lines end in LF alone.

    Args:
        content: the bytes.
        name: what errors call the file.
        stated: their encoding where they begin with no mark.

    Raises:
        ConfigError: they are no text, or the encoding is unknown; names file and line.
    """
    mark, encoding = next(
        (known for known in _MARKS if content.startswith(known[0])), (b"", stated)
    )
    body = content[len(mark) :]
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as exc:
        line = _line_after(body[: exc.start].decode(encoding))
        wanted = encoding.upper().removesuffix("-LE").removesuffix("-BE")
        raise ConfigError(
            f"{name}:{line}: must be {wanted}, got byte {body[exc.start]:#x}: save it as UTF-8"
        ) from exc
    except (LookupError, UnicodeError) as exc:
        raise ConfigError(
            f"{name}: states the encoding {short(encoding)!r}, which is unknown: save it as UTF-8"
        ) from exc
    if "\0" in text:
        raise ConfigError(
            f"{name}:{_line_after(text[: text.index(chr(0))])}: holds a NUL, so it is no text, or"
            " UTF-16 without its mark: save it as UTF-8"
        )
    return _MARK_AT_LINE_START.sub("", _plain_ends(text))


def _plain_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _line_after(text: str) -> int:
    return _plain_ends(text).count("\n") + 1
