"""Runs of the command line, in this process's place."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(data: Path) -> Run:
    """Run `streamdet run` with the test weights; keyword `code` is the exit code that is due."""

    def run_it(
        graph: str | Path, *arguments: str | Path, code: int = 0
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "streamdet.cli", "run", str(graph), *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=250,
            env=os.environ | {"STREAMDET_MODELS": str(data / "weights")},
            check=False,
        )
        assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
        return done

    return run_it
