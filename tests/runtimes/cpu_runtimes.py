"""The runtimes that execute a network on a CPU: contracts and parity are tested over these."""

from __future__ import annotations

from typing import Final

from streamdet.registry import KINDS, load

CPU_RUNTIMES: Final = [name for name in KINDS["runtime"] if load("runtime", name).precisions()]
