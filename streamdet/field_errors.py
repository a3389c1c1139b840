"""Values of a YAML file -> a pydantic model, or sentences that say what is wrong and where."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from streamdet.errors import ConfigError
from streamdet.yaml_text import KeyPath, YamlText

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
    "none_required": "nothing",
    "string_pattern_mismatch": "text of the form {pattern}",
    "string_too_long": "at most {max_length} characters",
    "string_too_short": "at least {min_length} characters",
    "string_type": "text",
    "too_long": "a list of at most {max_length}",
    "too_short": "a list of at least {min_length}",
    "tuple_type": "a list",
}
_UNWRAPPED: Final = frozenset({"value_error", "assertion_error"})
_RETYPED: Final = frozenset({"string_type", "literal_error", "string_pattern_mismatch"})


def nearest(name: str, valid: Iterable[str]) -> str:
    """Say which valid name was perhaps meant, or which there are."""
    names = list(valid)
    if close := get_close_matches(name, names, 1):
        return f"did you mean {close[0]!r}?"
    return f"there is {', '.join(names)}" if names else "there is none"


def dotted(path: KeyPath) -> str:
    """Write a path as users do: detect.classes.0."""
    keys = path[1:] if path[:1] == ("nodes",) and len(path) > 1 else path
    return ".".join(map(str, keys)) or "the file"


def checked(model: type[Model], text: YamlText, path: KeyPath, values: Mapping[str, Any]) -> Model:
    """Check values against a model, by their exact types: "4" is no number, 1 is not true.

    Where text is wanted, a number or word counts as what was written, so `stream: 2026` is "2026".

    Args:
        model: what the values should be.
        text: where they come from.
        path: where they stand in it.
        values: the keys to check: those at `path`, or some of them.

    Raises:
        ConfigError: one sentence for each fault, a line each.
    """
    try:
        return _validated(model, values)
    except ValidationError as exc:
        retyped = _as_written(exc, text, path, values)
        try:
            return _validated(model, retyped)
        except ValidationError as again:
            sentences = _sentences(again, model, text, path, retyped)
            raise ConfigError("\n".join(sentences)) from exc


def _validated(model: type[Model], values: Mapping[str, Any]) -> Model:
    # JSON's strict mode takes a list for a tuple and text for a path, but no text for a number.
    return model.model_validate_json(json.dumps(values), strict=True)


def _as_written(
    exc: ValidationError, text: YamlText, path: KeyPath, values: Mapping[str, Any]
) -> dict[str, Any]:
    retyped = json.loads(json.dumps(values))
    for error in exc.errors(include_url=False):
        where = _known_part(error["loc"], values)
        written = text.texts.get((*path, *where))
        if error["type"] in _RETYPED and where and written is not None:
            holder = retyped
            for key in where[:-1]:
                holder = holder[key]
            holder[where[-1]] = written
    return dict(retyped)


def _known_part(loc: Sequence[str | int], values: Any) -> KeyPath:
    """Leave out of an error's location what names a branch of a union instead of a key."""
    known: list[str | int] = []
    for key in loc:
        is_index = isinstance(values, list) and isinstance(key, int) and key < len(values)
        if is_index or (isinstance(values, dict) and key in values):
            values = values[key]
            known.append(key)
    return tuple(known)


def _sentences(
    exc: ValidationError, model: type[BaseModel], text: YamlText, path: KeyPath, values: Any
) -> list[str]:
    """One sentence for each key; the branches of a union are joined by "or"."""
    wanted: dict[KeyPath, list[str]] = {}
    for error in exc.errors(include_url=False):
        where = _known_part(error["loc"], values)
        wanted.setdefault(_faulty_key(error, where), []).append(_predicate(error, where, model))
    sentences = []
    for key, predicates in wanted.items():
        where = (*path, *key)
        came = f", got {text.shown(where, _at(values, key))}" if "must be" in predicates[0] else ""
        what = " or ".join([predicates[0], *(p.removeprefix("must be ") for p in predicates[1:])])
        sentence = text.without_secrets(where, f"{dotted(where)} {what}{came}")
        sentences.append(f"{text.place(where)}: {sentence}")
    return sentences


def _faulty_key(error: ErrorDetails, where: KeyPath) -> KeyPath:
    return (*where, error["loc"][-1]) if error["type"] == "missing" else where


def _predicate(error: ErrorDetails, where: KeyPath, model: type[BaseModel]) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        valid = list(model.model_fields) if len(where) == 1 else []
        return f"is an unknown key; {nearest(str(where[-1]), valid)}"
    if kind in _UNWRAPPED:
        return str(context.get("error", error["msg"]))
    if kind == "literal_error":
        word, valid = str(error["input"]), re.findall(r"'([^']*)'", context["expected"])
        close = get_close_matches(word, valid, 1)
        return f"must be {context['expected']}" + (f" (perhaps {close[0]!r})" if close else "")
    if kind in _WANTED:
        return f"must be {_WANTED[kind].format(**context)}"
    return f"must be right: {error['msg'][:1].lower()}{error['msg'][1:]}"


def _at(values: Any, path: KeyPath) -> Any:
    for key in path:
        values = values[key]
    return values
