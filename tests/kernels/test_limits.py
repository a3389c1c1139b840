"""Kernels keep within engines/kernels/limits.yaml on every GPU, and launches fit their PTX."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from streamdet.config.files import shipped
from streamdet.kernels import ptx
from tests.required import skip_for_want_of

LIMITS: dict[str, Any] = yaml.safe_load((shipped("engines/kernels") / "limits.yaml").read_text())
NIGHTLY = {"sm_80", "sm_86", "sm_89"}  # between others: they differ least from their neighbours
TARGETS = [
    pytest.param(name, marks=pytest.mark.nightly) if name in NIGHTLY else name
    for name in LIMITS["targets"]
]


class Taken(NamedTuple):
    """What ptxas gives a kernel."""

    registers: int
    shared_bytes: int
    stack_bytes: int
    spilled_bytes: int


def assembled(name: str, target: str, folder: Path) -> dict[str, Taken]:
    """Assemble a file's PTX for a GPU: what each of its kernels takes."""
    text = folder / f"{name}.ptx"
    text.write_bytes(ptx.ptx(name))
    command = ["ptxas", "-v", f"-arch={target}", "-o", str(folder / "out"), str(text)]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stderr
    return {kernel: taken(rest) for kernel, rest in re.findall(_ENTRY, said, re.DOTALL)}


_ENTRY = r"entry function '(\w+)'(.*?)(?=entry function|\Z)"


def taken(said: str) -> Taken:
    """Read what ptxas -v says of one kernel."""
    shared = re.search(r"(\d+) bytes smem", said)
    stack, stored, loaded, registers = (
        int(re.search(rf"{before}(\d+){behind}", said)[1])  # type: ignore[index]
        for before, behind in [
            ("", " bytes stack frame"),
            ("", " bytes spill stores"),
            ("", " bytes spill loads"),
            ("Used ", " registers"),
        ]
    )
    return Taken(registers, int(shared[1]) if shared else 0, stack, stored + loaded)


@pytest.mark.parametrize("target", TARGETS)
def test_no_kernel_takes_more_than_its_limit(target: str, tmp_path: Path) -> None:
    if ptx.find_nvcc() is None or shutil.which("ptxas") is None:
        skip_for_want_of("cuda", "no nvcc and ptxas here")
    found = {
        kernel: taken
        for name in ptx.names()
        for kernel, taken in assembled(name, target, tmp_path).items()
    }
    assert found.keys() == LIMITS["kernels"].keys()
    too_much = {
        kernel: taken
        for kernel, taken in found.items()
        if taken.registers > LIMITS["kernels"][kernel]["registers"]
        or taken.shared_bytes > LIMITS["kernels"][kernel]["shared_bytes"]
        or taken.stack_bytes
        or taken.spilled_bytes
    }
    assert too_much == {}
