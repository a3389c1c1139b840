"""Finds and loads a TensorRT library: `tensorrt` (from 10.16 on, below 12) or `tensorrt_rtx`.

TensorRT-RTX builds engines for a stated GPU on any machine, full TensorRT for the GPU that is here.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import packages_distributions, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from streamdet.errors import ConfigError, EngineError, to_install

RTX: Final = "tensorrt_rtx"
FULL: Final = "tensorrt"
INSTALL: Final = (
    f"{to_install('tensorrt')} (TensorRT-RTX, which builds on any machine), or full TensorRT,"
    " tensorrt-cu13 from 10.16 on, on a machine with its GPU"
)
_FULL_VERSIONS: Final = ((10, 16), (12,))
_TARGET: Final = re.compile(r"sm_(\d{2,3})")


@dataclass(frozen=True, slots=True)
class Library:
    """A loaded library.

    Attributes:
        name: "tensorrt" or "tensorrt_rtx".
        version: of its package.
        module: the module itself.
    """

    name: str
    version: str
    module: Any

    @property
    def builds_for_any_gpu(self) -> bool:
        """Whether it builds for a stated GPU; else only for the one that is here."""
        return hasattr(self.module, "ComputeCapability")

    def capability(self, target: str) -> Any:
        """The library's own name of a target.

        Raises:
            ConfigError: it does not build for that GPU.
        """
        kinds = self.module.ComputeCapability.__members__
        name = target.replace("sm_", "SM")
        if name not in kinds:
            known = ", ".join(f"sm_{kind[2:]}" for kind in sorted(kinds, key=_number) if kind[2:3]
                              .isdigit())  # fmt: skip
            raise ConfigError(
                f"{self.name} {self.version} builds for {known}, not for {target}:"
                " H100 and H200 (sm_90) and others need full TensorRT"
            )
        return kinds[name]


def check_targets(text: str) -> tuple[str, ...]:
    """Read what `--target` says: GPUs by their compute capability, sm_89,sm_120.

    Raises:
        ConfigError: one is not written so, or stands twice.
    """
    targets = tuple(part.strip() for part in text.split(","))
    for target in targets:
        if not _TARGET.fullmatch(target):
            raise ConfigError(f"--target: wanted sm_ and digits, such as sm_89, got {target!r}")
    if len(set(targets)) < len(targets):
        raise ConfigError(f"--target: {text!r} names a GPU twice")
    return targets


def installed_library() -> str:
    """Name the library that is installed here; TensorRT-RTX where both are.

    Raises:
        EngineError: there is none.
    """
    found = next((name for name in (RTX, FULL) if find_spec(name) is not None), None)
    if found is None:
        raise EngineError(f"TensorRT is not installed: {INSTALL}")
    return found


def library_version(name: str) -> str:
    """The version of an installed library; "unknown" where no package says so."""
    packages = packages_distributions().get(name, ())
    return next(map(version, packages), "unknown")


def load_library(name: str) -> Library:
    """Import a library.

    Raises:
        EngineError: it is missing, does not load, or is a version that was never tried.
    """
    try:
        module = import_module(name)
    except Exception as exc:  # it raises what its loader of shared libraries meets
        raise EngineError(f"{name} does not load: {exc}; {INSTALL}") from exc
    found = str(module.__version__)
    low, high = _FULL_VERSIONS
    numbers = tuple(int(part) for part in re.findall(r"\d+", found)[:3])
    if name == FULL and not low <= numbers < high:
        raise EngineError(f"tensorrt must be 10.16 or newer, below 12, got {found}")
    return Library(name, found, module)


def library_path(name: str, folder: Path) -> dict[str, str]:
    """Make an environment in which the parser of TensorRT-RTX finds its own library.

    The wheel has libtensorrt_rtx.so.1, the parser (1.7) opens libtensorrt_rtx.so and the process
    aborts; a link of that name, in a folder of ours, leads it to the same file.

    Args:
        name: of the library.
        folder: gets the link.
    """
    spec = find_spec(f"{name}_libs") if name == RTX else None
    for place in (spec and spec.submodule_search_locations) or ():
        for path in Path(place).glob("libtensorrt_rtx.so.[0-9]*"):
            (folder / "libtensorrt_rtx.so").symlink_to(path)
            break
    stated = os.environ.get("LD_LIBRARY_PATH")
    return {"LD_LIBRARY_PATH": f"{folder}{os.pathsep + stated if stated else ''}"}


def _number(kind: str) -> int:
    digits = kind[2:]
    return int(digits) if digits.isdigit() else 0
