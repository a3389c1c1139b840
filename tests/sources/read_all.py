"""Reads the files named on standard input and prints what became of each, one JSON object a line.

A program of its own, so that a crash, a hang, peak memory and text on stderr are seen from outside.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import Any

from streamdet.errors import SourceError
from streamdet.registry import load
from streamdet.sources import Position
from streamdet.sources.resolve import resolve


def read(path: str) -> dict[str, Any]:
    """Probe and decode a file as the pipeline would; convert the first images to BGR."""
    started = time.monotonic()
    kind, items = resolve(path)
    source_class = load("source", kind)
    source = source_class(items[0].uri, source_class.Options())
    count, error = 0, None
    try:
        source.probe()
        for frame in source.frames(Position()):
            count += 1
            if count <= 50:
                frame.image.bgr()
    except SourceError as exc:
        error = str(exc)
    return {
        "frames": count,
        "error": error,
        "damaged": source.position.damaged,
        "warnings": source.warnings,
        "seconds": time.monotonic() - started,
        "peak_mb": _peak_mb(),
    }


def _peak_mb() -> int:
    """Peak memory since this program began; ru_maxrss would count the parent's before the exec."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) // 1024


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(read(line.rstrip("\n"))), flush=True)
