"""docs/gpu.md says of every kernel how exactly it agrees."""

from __future__ import annotations

import re
from pathlib import Path

from tests.kernels.test_limits import LIMITS

PAGE = Path(__file__).parents[2] / "docs" / "gpu.md"


def test_the_table_of_agreement_names_every_kernel_once() -> None:
    table = PAGE.read_text().partition("## How exactly")[2].partition("\n\nThey are")[0]
    rows = re.findall(r"^\| (`[^|]+) \|", table, re.M)
    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted(LIMITS["kernels"])
