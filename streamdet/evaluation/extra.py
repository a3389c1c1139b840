"""The libraries of the extra `evaluation`, imported when a figure needs them."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from streamdet.errors import ConfigError, to_install

LIBRARIES: Final = ("pycocotools", "motmetrics", "matplotlib")


def check_extra() -> None:
    """Check, before long work, that all of the extra is installed; imports nothing.

    Raises:
        ConfigError: it is not.
    """
    missing = [library for library in LIBRARIES if find_spec(library) is None]
    if missing:
        raise ConfigError(f"evaluation needs {' and '.join(missing)}: {to_install('evaluation')}")


def import_extra(module: str) -> Any:
    """Import a module of the extra.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as exc:
        library = module.partition(".")[0]
        raise ConfigError(
            f"evaluation needs {library}: {to_install('evaluation')} ({exc})"
        ) from exc
