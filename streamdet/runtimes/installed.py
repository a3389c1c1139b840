"""Which runtimes can be used here: those whose package is installed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from streamdet.errors import to_install
from streamdet.registry import KINDS, load
from streamdet.runtimes import RuntimeKind


def runtime_kind(name: str) -> RuntimeKind:
    """Import the class of a runtime; the package that it needs is not imported.

    Raises:
        ConfigError: it is a plugin that cannot be imported.
    """
    kind: RuntimeKind = load("runtime", name)
    return kind


def runs_on_cpu(name: str) -> bool:
    """Whether a runtime runs networks on a CPU; that of another package is taken to."""
    return name not in KINDS["runtime"] or bool(runtime_kind(name).precisions())


def is_installed(name: str) -> bool:
    """Whether the package that a runtime needs is there."""
    try:
        return find_spec(runtime_kind(name).package) is not None
    except ModuleNotFoundError:  # the package in which it would lie
        return False


def package_version(name: str) -> str:
    """The version of the package that a runtime needs, which its speed depends on."""
    try:
        return version(runtime_kind(name).package)
    except PackageNotFoundError:
        return "unknown"


def how_to_install(*names: str) -> str:
    """Say how what one of these runtimes needs is installed."""
    own = [name for name in names if name in KINDS["runtime"]]
    others = [runtime_kind(name).package for name in names if name not in own]
    ways = [to_install(*own)] if own else []
    return " or ".join([*ways, *(f"pip install {package}" for package in others)])
