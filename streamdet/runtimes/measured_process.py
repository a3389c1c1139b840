"""One process of a measurement (see measuring.py): loads a network, waits, runs it for some time.

`python -m streamdet.runtimes.measured_process PARENT_PID WORK` writes `{}` when it is ready, reads
a line with a number of seconds, and writes how many calls it made in how many seconds.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from streamdet.errors import StreamdetError
from streamdet.models.model_config import ImageInput
from streamdet.registry import load
from streamdet.runtimes import RuntimeOptions
from streamdet.system.process import die_with_parent, set_name

WARM_UP_S: Final = 0.1


def main(arguments: Sequence[str]) -> None:
    """Measure once."""
    parent, work = arguments
    die_with_parent(int(parent))
    set_name("sd:measure", "streamdet measures a runtime")
    answers = os.dup(1)
    os.dup2(2, 1)  # what a library prints is no answer
    try:
        call = loaded(json.loads(work))
        timed(call, WARM_UP_S)
        _answer(answers)
        calls, seconds = timed(call, float(sys.stdin.readline()))
    except StreamdetError as exc:
        _answer(answers, failure=str(exc))
    else:
        _answer(answers, calls=calls, seconds=seconds)


def loaded(work: dict[str, Any]) -> Callable[[], object]:
    """Load the network; returns what calls it with an image of noise.

    Raises:
        EngineError: the runtime cannot be used, or refuses the network.
    """
    image_input = ImageInput.model_validate(work["image_input"])
    options = RuntimeOptions.model_validate(work["options"])
    runtime = load("runtime", work["kind"])(Path(work["network"]), image_input, options)
    image = np.random.default_rng(0).integers(0, 256, (*image_input.hw, 3), np.uint8)
    shapes = getattr(runtime, "extra_shapes", {})
    extras = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    return lambda: runtime([image], [extras])


def timed(call: Callable[[], object], least_s: float) -> tuple[int, float]:
    """Call, once at least, until so many seconds have passed; returns calls and seconds."""
    started, calls, passed_s = time.perf_counter(), 0, 0.0
    while not calls or passed_s < least_s:
        call()
        calls += 1
        passed_s = time.perf_counter() - started
    return calls, passed_s


def _answer(descriptor: int, **values: object) -> None:
    os.write(descriptor, (json.dumps(values) + "\n").encode())


if __name__ == "__main__":
    main(sys.argv[1:])
