"""Options whose value is a name of registry.py, of streamdet's own or of a plugin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from streamdet.config.suggestions import closest
from streamdet.errors import ConfigError
from streamdet.registry import names, role_of
from streamdet.system.redaction import short


@dataclass(frozen=True, slots=True)
class NameOf:
    """Marks an option: `Annotated[str, NameOf("runtime")]`; an unknown name is refused.

    Attributes:
        role: a key of registry.KINDS.
        also: words that may take a name's place.
    """

    role: str
    also: tuple[str, ...] = ()

    def valid(self) -> list[str]:
        """List the words and names there are."""
        return [*self.also, *names(self.role)]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Check the name behind the check that it is text."""
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """List the names for editors."""
        return {**handler(schema), "enum": self.valid()}

    def _checked(self, name: str) -> str:
        if name not in self.also and (problem := wrong_name(self.role, name, self.also)):
            raise ValueError(problem)
        return name


def wrong_name(role: str, name: str, also: tuple[str, ...] = ()) -> str | None:
    """Say what is wrong with a name of a role; None if nothing is.

    Args:
        role: a key of registry.KINDS.
        name: what was stated.
        also: words that would have been taken, too.
    """
    try:
        if role_of(name) == role:
            return None
    except ConfigError as exc:
        return f"cannot be {short(name)!r}: {exc}"
    valid = [*also, *names(role)]
    close = closest(name, valid)
    perhaps = f" (perhaps {close!r})" if close else ""
    return f"must be {' or '.join(valid)}{perhaps}, got {short(name)!r}"
