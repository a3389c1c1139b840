"""Values of a YAML file -> a pydantic model, or sentences that say what is wrong and where."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from streamdet.config.suggestions import closest, nearest
from streamdet.config.yaml_loader import KeyPath, YamlText, parse_yaml
from streamdet.errors import ConfigError
from streamdet.system.redaction import is_utf8, short

Model = TypeVar("Model", bound=BaseModel)

_WANTED: Final[dict[str, str]] = {
    "bool_type": "true or false",
    "dict_type": "keys and values",
    "finite_number": "a finite number",
    "float_type": "a number",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "list_type": "a list",
    "literal_error": "{expected}",
    "model_type": "keys and values",
    "multiple_of": "a multiple of {multiple_of}",
    "none_required": "nothing",
    "string_pattern_mismatch": "text of the form {pattern}",
    "string_too_long": "at most {max_length} characters",
    "string_too_short": "at least {min_length} characters",
    "string_type": "text",
    "too_long": "a list of at most {max_length}",
    "too_short": "a list of at least {min_length}",
    "tuple_type": "a list",
}
_LISTS: Final = ("list_type", "tuple_type")
_READINGS: Final = 3
"""As it was typed; as a list; with text in the list."""
_QUOTES: Final = "'\""


def dotted(path: KeyPath) -> str:
    """Write a path as users do: detect.classes.0."""
    keys = path[1:] if path[:1] == ("nodes",) and len(path) > 1 else path
    return short(".".join(map(str, keys))) or "the file"


def checked(
    model: type[Model],
    text: YamlText,
    path: KeyPath,
    values: Mapping[str, Any],
    also: Iterable[str] = (),
) -> Model:
    """Check values against a model, by their exact types: "4" is no number, 1 is not true.

    Where text is wanted, a number or word counts as what was written, so `stream: 2026` is "2026".
    Where a list is wanted, `--set` may state it without brackets: `classes=person,car`.

    Args:
        model: what the values should be.
        text: where they come from.
        path: where they stand in it.
        values: the keys to check: those at `path`, or some of them.
        also: keys that are checked elsewhere, but that a misspelt one may mean.

    Raises:
        ConfigError: one sentence for each fault, a line each.
    """
    _refuse_bytes(text)
    check = _Check(model, text, path, values, (*key_names(model), *also))
    for _ in range(_READINGS):
        try:
            return _validated(model, check.values)
        except ValidationError as exc:
            refused, last = exc, check
            check = replace(check, values=check.as_written(exc))
    raise ConfigError("\n".join(last.sentences(refused))) from refused


def _validated(model: type[Model], values: Mapping[str, Any]) -> Model:
    # JSON's strict mode takes a list for a tuple and text for a path, but no text for a number.
    written = json.dumps(values, ensure_ascii=False).encode(errors="replace")
    return model.model_validate_json(written, strict=True)


def _refuse_bytes(text: YamlText) -> None:
    """Refuse values of the environment that are no UTF-8, but for a source: any file can be read.

    A source's `uri` is taken as it was written, never from a model: there it has lost such bytes.
    """
    for where, value in text.texts.items():
        if where[-1:] != ("uri",) and not is_utf8(value):
            sentence = text.explained(where, f"{dotted(where)} must be UTF-8, got {short(value)}")
            raise ConfigError(f"{text.place(where)}: {sentence}")


@dataclass(frozen=True, slots=True)
class _Check:
    model: type[BaseModel]
    text: YamlText
    path: KeyPath
    values: Mapping[str, Any]
    valid: Sequence[str]

    def as_written(self, exc: ValidationError) -> dict[str, Any]:
        """Copy the values, with what was written where another type was wanted.

        That is the text of each number that should be text, and a list for each text of --set that
        should be one.
        """
        copied: dict[str, Any] = json.loads(json.dumps(self.values))
        for error in exc.errors(include_url=False):
            key = _known_part(error["loc"], self.values)
            where = (*self.path, *key)
            written = self.text.texts.get(where)
            if not key or written is None:
                continue
            if error["type"] == "string_type":
                _at(copied, key[:-1])[key[-1]] = written
            elif error["type"] in _LISTS and self.text.place(where).startswith("--set "):
                _at(copied, key[:-1])[key[-1]] = self._listed(where, written)
        return copied

    def _listed(self, where: KeyPath, written: str) -> Any:
        """Read what --set states as a list without brackets."""
        listed = parse_yaml(f"[{written}]", self.text.place(where))
        self.text.texts |= {(*where, *below): text for below, text in listed.texts.items()}
        return listed.values

    def sentences(self, exc: ValidationError) -> list[str]:
        """One sentence for each key; what the branches of a union want is joined by "or"."""
        faults: dict[KeyPath, list[ErrorDetails]] = {}
        for error in exc.errors(include_url=False):
            key = _known_part(error["loc"], self.values)
            key = (*key, error["loc"][-1]) if error["type"] == "missing" else key
            faults.setdefault(key, []).append(error)
        misspelt = self._misspelt(faults)
        # Where one branch of a union got further into a value than another, only the first counts.
        return [
            self._sentence(key, errors)
            for key, errors in faults.items()
            if key not in misspelt
            and not any(len(other) > len(key) > 0 and other[: len(key)] == key for other in faults)
        ]

    def _misspelt(self, faults: Mapping[KeyPath, Sequence[ErrorDetails]]) -> set[KeyPath]:
        """Find the missing keys that unknown ones were meant to be: one typo is one error."""
        missing = [key for key, errors in faults.items() if errors[0]["type"] == "missing"]
        meant = set()
        for key, errors in faults.items():
            if errors[0]["type"] == "extra_forbidden":
                close = closest(str(key[-1]), self._valid(key))
                meant |= {other for other in missing if other == (*key[:-1], close)}
        return meant

    def _valid(self, key: KeyPath) -> Sequence[str]:
        return self.valid if len(key) == 1 else _field_names(self.model, key[:-1])

    def _sentence(self, key: KeyPath, errors: Sequence[ErrorDetails]) -> str:
        where = (*self.path, *key)
        what = self._statement(errors[0], key)
        if not what:
            value = _at(self.values, key)
            shown = self.text.shown(where, value)
            wanted = " or ".join(dict.fromkeys(map(_wanted, errors)))
            if wanted == "a list" and isinstance(value, str):
                wanted += f" (for example [{re.sub(', *', ', ', shown.strip(_QUOTES))}])"
            what = f"must be {wanted}, got {shown}"
        sentence = self.text.explained(where, f"{dotted(where)} {what}")
        return f"{self.text.place(where)}: {sentence}"

    def _statement(self, error: ErrorDetails, key: KeyPath) -> str:
        """Say what is wrong where that is not the value; "" where it is."""
        if error["type"] == "missing":
            return f"is missing{self._meant(key)}"
        if error["type"] == "extra_forbidden":
            valid = self._valid(key)
            hint = f"; {nearest(str(key[-1]), valid)}" if valid else ""
            return f"is an unknown key{hint}"
        return str(error["ctx"]["error"]) if error["type"] == "value_error" else ""

    def _meant(self, key: KeyPath) -> str:
        """Name the entry that was meant by --set, where it has made one without all its keys."""
        holder = _at(self.values, key[:-2]) if len(key) > 1 else None
        place = self.text.place((*self.path, *key))
        if not isinstance(holder, dict) or not place.startswith("--set "):
            return ""
        near = closest(str(key[-2]), [str(name) for name in holder if name != key[-2]])
        return f"; perhaps {near!r} was meant, not {str(key[-2])!r}" if near else ""


def _known_part(loc: Sequence[str | int], values: Any) -> KeyPath:
    """Leave out of an error's location what names a branch of a union instead of a key."""
    known: list[str | int] = []
    for key in loc:
        is_index = isinstance(values, list) and isinstance(key, int) and key < len(values)
        if is_index or (isinstance(values, dict) and key in values):
            values = values[key]
            known.append(key)
    return tuple(known)


def _wanted(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    if error["type"] == "literal_error":
        valid = re.findall(r"'([^']*)'", context["expected"])
        close = closest(str(error["input"]), valid)
        return str(context["expected"]) + (f" (perhaps {close!r})" if close else "")
    if error["type"] == "too_short" and context["field_type"] == "Dictionary":
        return f"keys and values, at least {context['min_length']}"
    if error["type"] in _WANTED:
        return _WANTED[error["type"]].format_map({k: _plain(v) for k, v in context.items()})
    return f"valid ({error['msg'][:1].lower()}{error['msg'][1:]})"


def _plain(limit: object) -> object:
    return int(limit) if isinstance(limit, float) and limit.is_integer() else limit


def key_names(model: type[BaseModel]) -> list[str]:
    """The keys of a model as they are written: a field may have another name in the code."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _field_names(model: Any, key: KeyPath) -> list[str]:
    """List the keys that options may have at a path: their own, or those of named things."""
    for part in key:
        if get_origin(model) is dict:
            model = get_args(model)[1]
        else:
            model = model.model_fields[part].annotation if part in _field_names(model, ()) else None
    is_model = isinstance(model, type) and issubclass(model, BaseModel)
    return key_names(model) if is_model else []


def _at(values: Any, path: KeyPath) -> Any:
    for key in path:
        values = values[key]
    return values
