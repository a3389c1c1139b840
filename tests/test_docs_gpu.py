"""docs/gpu.md claims no more of a GPU than the tests show."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from streamdet.kernels.ptx import names
from streamdet.registry import KINDS, load
from streamdet.runtimes.gpu import GpuRuntimeKind

ROOT = Path(__file__).parents[1]
EXECUTED, EMULATED, BUILT = "executed on a GPU", "emulated", "built only"
ROWS = re.findall(
    r"^\| (.+?) \| `(.+?)` \| (.+?) \| `(.+?)` \|$", (ROOT / "docs/gpu.md").read_text(), re.M
)


def test_the_table_has_rows() -> None:
    assert len(ROWS) > 10


@pytest.mark.parametrize(("part", "code", "proven", "by"), ROWS)
def test_a_row_names_what_is_there(part: str, code: str, proven: str, by: str) -> None:
    assert (ROOT / code).is_file()
    assert (ROOT / by).is_file()
    assert proven in {EXECUTED, EMULATED, BUILT}


@pytest.mark.parametrize(
    ("code", "by"), [(code, by) for _, code, proven, by in ROWS if proven == EMULATED]
)
def test_what_is_called_emulated_is_run_on_the_emulated_device(code: str, by: str) -> None:
    text = (ROOT / by).read_text()
    assert re.search(r"\b(emulated_cuda|emulated_gpu|gpu|device|cuda_context)\b", text)
    stem = Path(code).stem
    assert any(word in text for word in (stem, "cuda:0", "KINDS"))


def test_what_is_called_executed_has_a_result() -> None:
    results = (ROOT / "benchmarks/results").glob("*.json")
    of_gpus = [path for path in results if "cpu" not in path.name]
    assert of_gpus or not [row for row in ROWS if row[2] == EXECUTED]


def test_the_table_has_every_kernel_and_every_kind_that_a_gpu_runs() -> None:
    code = {row[1] for row in ROWS}
    assert {f"engines/kernels/{name}.cu" for name in names()} <= code
    transforms = {
        kind for kind in KINDS["transform"] if hasattr(load("transform", kind), "launches")
    }
    assert {f"streamdet/transforms/{kind}.py" for kind in transforms} <= code
    detectors = {
        f"{place.partition(':')[0].replace('.', '/')}.py"
        for kind, place in KINDS["detector"].items()
        if getattr(load("detector", kind), "runs_on_gpu", False)
    }
    assert detectors <= code
    parts = " ".join(row[0] for row in ROWS)
    for kind in KINDS["runtime"]:
        assert (f"`runtime: {kind}`" in parts) == isinstance(load("runtime", kind), GpuRuntimeKind)
    pools = {place.partition(":")[0].replace(".", "/") for place in KINDS["device_pool"].values()}
    assert {f"{pool}.py" for pool in pools} <= code
