"""`streamdet kinds [KIND]`: list the kinds of nodes, the options of one, or a recipe's keys."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from importlib.util import find_spec
from inspect import cleandoc
from textwrap import wrap
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from streamdet.commands.model_text import paper
from streamdet.config.names import NameOf
from streamdet.config.options import Options
from streamdet.config.suggestions import nearest
from streamdet.config.validation import key_names
from streamdet.errors import ConfigError, to_install
from streamdet.graph.draft import ROLES, NodeKeys
from streamdet.registry import (
    FITTINGS,
    KINDS,
    NETWORKS,
    load,
    load_fit_recipe,
    load_network,
    names,
    role_of,
)
from streamdet.system.redaction import short
from streamdet.training.recipe import Recipe

RECIPE: Final = "recipe"
_WIDTH = 100
_FROM_THE_FILE: Final = frozenset({"name"})  # of a recipe; by default the file's


def add_arguments(parser: ArgumentParser) -> None:
    """Add the argument of `kinds`."""
    parser.add_argument(
        "kind",
        nargs="?",
        metavar="KIND",
        help="list the options of a kind, a role's kinds, or (recipe) the keys of a recipe",
    )


def run(args: Namespace) -> int:
    """Print the kinds of every role, those of one, or what a node of one kind or a recipe may say.

    Raises:
        ConfigError: there is no such kind.
    """
    if args.kind is None:
        lines = _all_kinds()
    elif args.kind == RECIPE:
        lines = _recipe()
    else:
        lines = _kinds_of(args.kind) if args.kind in ROLES else _one_kind(args.kind)
    print("\n".join(lines))
    return 0


def _all_kinds() -> Iterator[str]:
    for role in ROLES:
        yield f"{role:<10} {', '.join(names(role))}"
    yield ""
    yield "streamdet kinds KIND lists the options of one; every node may also say:"
    yield from _options(NodeKeys)


def _kinds_of(role: str) -> Iterator[str]:
    for kind in names(role):
        try:
            sentence = _sentence(role, kind)
        except ConfigError as exc:  # a plugin that cannot be imported
            sentence = str(exc)
        yield f"{kind:<14} {sentence}"


def _one_kind(kind: str) -> Iterator[str]:
    role = role_of(kind)
    if role not in ROLES:
        known = [name for role in ROLES for name in names(role)]
        raise ConfigError(f"{short(kind)!r} is no kind of node; {nearest(kind, known)}")
    yield f"{kind} ({role}): {_sentence(role, kind)}"
    yield from _options(load(role, kind).Options)
    if kind in NETWORKS:
        yield from _network_options(kind)


def _recipe() -> Iterator[str]:
    yield f"{RECIPE}: training by steps"
    yield from _options(Recipe, given=_FROM_THE_FILE)
    for fitting in FITTINGS:
        yield f"{RECIPE} with `fit: {fitting}`"
        yield from _options(load_fit_recipe(fitting), given=_FROM_THE_FILE)


def _network_options(kind: str) -> Iterator[str]:
    yield "of its network, stated under `network` in a model's configuration:"
    if find_spec("torch") is None:
        yield f"  torch lists them: {to_install('networks')}"
    else:
        yield from _options(load_network(kind).Options)


def _sentence(role: str, kind: str) -> str:
    """Name a detector's paper: several papers may share a class that reads their networks."""
    if role == "detector" and kind in KINDS[role]:
        return paper(kind)
    text = cleandoc(load(role, kind).__doc__ or "")
    return text.partition("\n")[0] or "(its class has no docstring)"


def _options(
    model: type[BaseModel], within: str = "", given: frozenset[str] = frozenset()
) -> Iterator[str]:
    """List a model's options with their defaults, what they do indented below them.

    Args:
        model: has the options.
        within: what their names begin with.
        given: options that need not be stated although the model wants them.
    """
    for name, field in zip(key_names(model), model.model_fields.values(), strict=True):
        default = _default(field) or (f" = {text}" if (text := _unstated(model, name)) else "")
        yield f"  {within}{name}{'' if name in given else default}"
        text = field.description or ""
        stated = (field.annotation, *field.metadata)
        words = [word for part in stated for word in _words(part)]
        if words and not _may_be_numbers(field.annotation):
            lead = "A number, or" if _may_be_a_number(field.annotation) else "One of:"
            text = f"{text} {lead} {', '.join(words)}."
        yield from (f"      {line}" for line in wrap(text, _WIDTH - 6))
        for nested, index in _nested(field.annotation):
            yield from _options(nested, f"{within}{name}{index}.")


def _unstated(model: type[BaseModel], name: str) -> str:
    return model.unstated(name) if issubclass(model, Options) else ""


def _nested(annotation: Any, index: str = "") -> Iterator[tuple[type[BaseModel], str]]:
    """Find the options that an option holds: one set of them, or ([], .NAME) several."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, index
    marks: dict[Any, str] = {tuple: "[]", dict: ".NAME"}
    within = marks.get(get_origin(annotation), index)
    for part in get_args(annotation):
        yield from _nested(part, within)


def _words(annotation: Any) -> list[str]:
    """List the words that a type allows, in a union too."""
    if isinstance(annotation, NameOf):
        return annotation.valid()
    if get_origin(annotation) is Literal:
        return [str(word) for word in get_args(annotation)]
    return [word for part in get_args(annotation) for word in _words(part)]


def _may_be_a_number(annotation: Any) -> bool:
    return annotation in (int, float) or any(map(_may_be_a_number, get_args(annotation)))


def _may_be_numbers(annotation: Any) -> bool:
    """Whether several numbers are one value, as a height and width: its text says how."""
    parts = get_args(annotation)
    if get_origin(annotation) is tuple:
        return any(map(_may_be_a_number, parts))
    return any(map(_may_be_numbers, parts))


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return " (needed)"
    value = field.get_default(call_default_factory=True)
    own = value if isinstance(value, tuple) else (value,)
    if value in (None, []) or any(isinstance(each, BaseModel) for each in own):
        return ""
    return f" = {json.dumps(value, default=str)}"
