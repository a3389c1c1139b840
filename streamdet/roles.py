"""What a class must have to be a kind of a role: the role's Protocol, read."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Role:
    """What a role asks of its kinds.

    Attributes:
        protocol: "module:Class" of what its objects do.
        arguments: what their class is called with.
        options: "module:Class" that the class attribute `Options` derives from; "" without options.
        on_class: attributes that are read from the class, before there is an object.
    """

    protocol: str
    arguments: tuple[str, ...]
    options: str = "streamdet.config.options:Options"
    on_class: tuple[str, ...] = ()


WANTED: Final = {
    "source": Role(
        "streamdet.sources:Source",
        ("uri", "options"),
        on_class=("pixel_format",),
    ),
    "transform": Role("streamdet.transforms:Transform", ("options",), on_class=("pixel_format",)),
    "detector": Role(
        "streamdet.detectors:Detector",
        ("options", "model", "runtime"),
        "streamdet.detectors.parts.options:DetectorOptions",
    ),
    "tracker": Role(
        "streamdet.trackers:Tracker",
        ("options",),
        "streamdet.trackers.options:TrackerOptions",
    ),
    "analytics": Role("streamdet.analytics:Analytics", ("options", "context")),
    "sink": Role(
        "streamdet.sinks:Sink",
        ("options", "context"),
        on_class=("needs_image", "has_file_per_source"),
    ),
    "runtime": Role(
        "streamdet.runtimes:Runtime",
        ("weights", "image_input", "options"),
        "",
        ("package", "precisions"),
    ),
}


def lacks(role: str, kind: Any) -> list[str]:
    """Say what a class lacks to be a kind of a role; empty where it lacks nothing.

    Roles that have no row in `WANTED`, and sources of cameras, ask nothing here.
    """
    if role not in WANTED or getattr(kind, "is_live", False):
        return []
    if not isinstance(kind, type):
        return ["it must be a class"]
    wanted = WANTED[role]
    methods = _methods(_imported(wanted.protocol))
    there = {name: taken for name, taken in methods.items() if callable(_own(kind, name))}
    wrong = [name for name, taken in there.items() if not _takes(kind, name, taken)]
    missing = [*(f"{name}()" for name in methods if name not in there), *_missing(kind, wanted)]
    return [
        *([f"it has no {', '.join(missing)}"] if missing else []),
        *(f"its {name} must take ({', '.join(there[name])})" for name in wrong),
        *_constructor(kind, wanted),
        *_options(kind, wanted),
    ]


def _missing(kind: type, wanted: Role) -> Iterator[str]:
    """Name the attributes that neither a class nor its objects have."""
    protocol = _imported(wanted.protocol)
    properties = [name for name, value in vars(protocol).items() if isinstance(value, property)]
    yield from (name for name in wanted.on_class if not hasattr(kind, name))
    for name in [*properties, *inspect.get_annotations(protocol)]:
        if name not in wanted.on_class and not _may_have(kind, name):
            yield name


def _constructor(kind: type, wanted: Role) -> Iterator[str]:
    if not _can_call(kind, wanted.arguments):
        yield f"its constructor must take ({', '.join(wanted.arguments)})"


def _options(kind: type, wanted: Role) -> Iterator[str]:
    options = getattr(kind, "Options", None)
    if wanted.options and not (
        isinstance(options, type) and issubclass(options, _imported(wanted.options))
    ):
        yield f"its class attribute Options must be a {wanted.options.replace(':', '.')}"


def _methods(protocol: type) -> dict[str, list[str]]:
    """Map the methods of a Protocol to the names of what they take, besides self."""
    return {
        name: list(inspect.signature(value).parameters)[1:]
        for name, value in vars(protocol).items()
        if inspect.isfunction(value) and (name == "__call__" or not name.startswith("_"))
    }


def _may_have(kind: type, name: str) -> bool:
    """Tell whether objects of a class have an attribute, or whether a method of it sets one."""
    for cls in kind.__mro__:
        if name in vars(cls) or name in inspect.get_annotations(cls) or "__getattr__" in vars(cls):
            return True
        functions = filter(inspect.isfunction, vars(cls).values())
        if any(name in function.__code__.co_names for function in functions):
            return True
    return False


def _takes(kind: type, name: str, taken: Sequence[str]) -> bool:
    """Tell whether a method of a class takes these arguments, by place."""
    is_static = isinstance(_own(kind, name), staticmethod | classmethod)
    return _can_call(getattr(kind, name), taken if is_static else ["self", *taken])


def _own(kind: type, name: str) -> Any:
    """Find what a class has by a name, leaving out what classes have as objects (__call__)."""
    return next((vars(cls)[name] for cls in kind.__mro__ if name in vars(cls)), None)


def _can_call(function: Callable[..., Any], arguments: Sequence[str]) -> bool:
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError:
        return False
    except ValueError:  # it is not written in Python
        return True
    return True


def _imported(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
