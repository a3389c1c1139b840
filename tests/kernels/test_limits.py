"""Kernels keep within engines/kernels/limits.yaml on every GPU, and launches fit their PTX."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
import yaml

from benchmarks.gpu_check.case import SMALL
from benchmarks.gpu_check.cases import CASES
from benchmarks.gpu_check.gpu import EmulatedGpu
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


class NoGpu(EmulatedGpu):
    """A place for arrays, on which nothing is run."""

    def __init__(self) -> None:
        self.device = torch.device("cpu")


def entries(name: str) -> dict[str, tuple[int, int]]:
    """Of each kernel in a file's PTX: its parameters, and the most threads of a block."""
    if ptx.find_nvcc() is None:
        skip_for_want_of("cuda", "no nvcc here")
    text = ptx.ptx(name).decode()
    found = re.findall(r"\.entry (\w+)\(([^)]*)\)\s*\.maxntid (\d+), 1, 1", text)
    return {kernel: (parameters.count(".param"), int(most)) for kernel, parameters, most in found}


@pytest.mark.parametrize("name", CASES)
def test_launches_have_the_threads_and_arguments_of_their_ptx(name: str) -> None:
    case = CASES[name](NoGpu(), SMALL)
    stated = entries(case.file)
    for launch in case.launches:
        arguments, most = stated[launch.kernel]
        assert (len(launch.arguments), launch.block[0] * launch.block[1]) == (arguments, most)


@pytest.mark.parametrize("name", ["nms", "roi_pool", "prepare"])
def test_what_agrees_in_every_bit_is_never_contracted(name: str) -> None:
    # ptxas may join `mul.f32` and `add.f32`, but not what states its rounding (PTX ISA, 9.7.3).
    if ptx.find_nvcc() is None:
        skip_for_want_of("cuda", "no nvcc here")
    text = ptx.ptx(name).decode()
    used = set(re.findall(r"\b(?:fma|mad|mul|add|sub)[.\w]*\.f(?:32|64)\b", text))
    assert used
    assert {each for each in used if not re.match(r"(mul|add|sub)\.r[nz]\.", each)} == set()
