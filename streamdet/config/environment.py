"""Values of the environment in YAML files: `${NAME}`, `${NAME:-default}`, and which are secret.

`${file:PATH}` is what a file holds, without the line break at its end; `${file:PATH#NAME}` the
value of the line NAME=VALUE in it. Both are secret: they are there for passwords.

A value is put in once: what comes out is not looked at again. The default stands for an empty value
too. `$${` stands for `${`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streamdet.errors import ConfigError
from streamdet.system.redaction import redacted, short
from streamdet.system.text_file import decoded

_SECRET_NAME: Final = re.compile(r"pass|pwd|secret|token|key|auth|cred|private", re.I)
_KEY: Final = re.compile(r"(?=[A-Za-z+=]*[0-9])(?=[0-9+=]*[A-Za-z])[A-Za-z0-9+=]{20,}")
_VARIABLE: Final = re.compile(
    r"\$\$\{|\$\{file:([^}#]+)(?:#([A-Za-z_][A-Za-z0-9_]*))?\}"
    r"|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{"
)
_MOST_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Replaced:
    """A scalar with its variables replaced.

    Attributes:
        text: what came out.
        uses_environment: whether a value came from the environment or a file, not from a default.
        is_secret: whether one of these values should not be seen by others.
    """

    text: str
    uses_environment: bool = False
    is_secret: bool = False


def replaced(text: str, environ: Mapping[str, str], place: str) -> Replaced:
    """Replace the variables of a scalar.

    Args:
        text: as it is written in the file.
        environ: name -> value.
        place: what errors call it.

    Raises:
        ConfigError: a variable has neither a value nor a default, a file cannot be read, or `${`
            goes on in another way.
    """
    used: list[str] = []
    files: list[str] = []

    def value(match: re.Match[str]) -> str:
        file, line, name, default = match.groups()
        if match[0] == "$${":
            return "${"
        if file is not None:
            files.append(file)
            return _from_file(Path(file), line, place)
        if name is None:
            raise ConfigError(
                f"{place}: '${{' must go on as ${{NAME}}, ${{NAME:-default}} or ${{file:PATH}}"
            )
        if name in environ and (environ[name] or default is None):
            used.append(name)
            return environ[name]
        if default is None:
            raise ConfigError(f"{place}: the environment variable {name} is not set")
        return default

    result = _VARIABLE.sub(value, text)
    has_secret = bool(files) or any(is_secret(name, environ[name]) for name in used)
    return Replaced(result, bool(used or files), has_secret)


def _from_file(path: Path, line: str | None, place: str) -> str:
    if not path.is_absolute():
        raise ConfigError(f"{place}: ${{file:...}} wants an absolute path, got {short(str(path))}")
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as exc:
        problem = f"cannot be read: {exc.strerror}"
        raise ConfigError(f"{place}: {short(str(path))} {problem}") from exc
    if len(content) > _MOST_BYTES:
        raise ConfigError(f"{place}: {short(str(path))} is no file of secrets: it has over 64 KiB")
    text = decoded(content, str(path))
    return text.rstrip("\r\n") if line is None else _line(text, line, path, place)


def _line(text: str, name: str, path: Path, place: str) -> str:
    """Return the value of the last line NAME=VALUE, without quotes around it."""
    rows = (row.strip().removeprefix("export ").partition("=") for row in text.splitlines())
    values = {key.strip(): value.strip() for key, has_value, value in rows if has_value}
    if name not in values:
        raise ConfigError(f"{place}: {short(str(path))} has no line {name}=VALUE")
    value = values[name]
    is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if is_quoted else value


def is_secret(name: str, value: str) -> bool:
    """Say whether an environment variable looks like one that nobody else should see.

    Its name speaks of a secret, or its value holds a password or looks like a key: 20 or more
    letters and digits, of both kinds, in a row.
    """
    return bool(_SECRET_NAME.search(name) or redacted(value) != value or _KEY.search(value))
