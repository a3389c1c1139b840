"""Values of the environment in YAML files: `${NAME}`, `${NAME:-default}`, and which are secret.

A value is put in once: what comes out is not looked at again. The default stands for an empty value
too. `$${` stands for `${`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from streamdet.errors import ConfigError
from streamdet.system.redaction import redacted

_SECRET_NAME: Final = re.compile(r"pass|pwd|secret|token|key|auth|cred|private", re.I)
_KEY: Final = re.compile(r"(?=[A-Za-z+=]*[0-9])(?=[0-9+=]*[A-Za-z])[A-Za-z0-9+=]{20,}")
_VARIABLE: Final = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{")


@dataclass(frozen=True, slots=True)
class Replaced:
    """A scalar with its variables replaced.

    Attributes:
        text: what came out.
        uses_environment: whether a value came from the environment, not from a default.
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
        ConfigError: a variable has neither a value nor a default, or `${` goes on in another way.
    """
    used: list[str] = []

    def value(match: re.Match[str]) -> str:
        name, default = match[1], match[2]
        if match[0] == "$${":
            return "${"
        if name is None:
            raise ConfigError(f"{place}: '${{' must go on as ${{NAME}} or ${{NAME:-default}}")
        if name in environ and (environ[name] or default is None):
            used.append(name)
            return environ[name]
        if default is None:
            raise ConfigError(f"{place}: the environment variable {name} is not set")
        return default

    result = _VARIABLE.sub(value, text)
    return Replaced(result, bool(used), any(is_secret(name, environ[name]) for name in used))


def is_secret(name: str, value: str) -> bool:
    """Say whether an environment variable looks like one that nobody else should see.

    Its name speaks of a secret, or its value holds a password or looks like a key: 20 or more
    letters and digits, of both kinds, in a row.
    """
    return bool(_SECRET_NAME.search(name) or redacted(value) != value or _KEY.search(value))
