"""Three live cameras with faults, one after another: `python -m tests.cameras.soak --minutes 3`.

Exit code 1 if an aim is missed, 2 if it cannot begin; docs/reliability.md says what is measured.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from argparse import ArgumentParser
from contextlib import ExitStack, closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from streamdet.bench.machine import describe
from streamdet.commands.bench import check_json
from streamdet.errors import ConfigError
from streamdet.system.atomic_file import write_whole
from tests.cameras.live_run import LiveRun
from tests.cameras.rtsp_server import missing_packages
from tests.cameras.soak_account import account
from tests.cameras.soak_faults import CODECS, Camera, deck
from tests.cameras.soak_play import Played, Stand, play

EVERY_S = 20.0
SETTLED_S = 30.0
SHORTEST_MIN = 0.4
"""One fault."""
LONGEST_MIN = 24 * 60.0


def main(arguments: list[str] | None = None) -> int:
    """Soak, print and write what was measured."""
    parser = ArgumentParser(prog="python -m tests.cameras.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0, help="how long; a fault each 20 s")
    parser.add_argument("--seed", type=int, default=0, help="of the order of the faults")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write what was measured")
    args = parser.parse_args(arguments)
    if not SHORTEST_MIN <= args.minutes <= LONGEST_MIN:
        parser.error(f"--minutes: {SHORTEST_MIN:g} to {LONGEST_MIN:g}, got {args.minutes:g}")
    try:
        if args.json is not None:
            check_json(args.json)
    except ConfigError as exc:
        parser.error(str(exc))
    if reason := missing_packages():
        parser.error(reason)
    result = soak(60 * args.minutes, args.seed)
    if args.json is not None:
        write_whole(args.json, f"{json.dumps(result, indent=1)}\n".encode())
    return 1 if result["missed"] else 0


def soak(length_s: float, seed: int) -> dict[str, Any]:
    """Run the cameras for so long; returns what was measured, `missed` first of all."""
    machine = describe()
    print(f"{machine['cpu']}, {machine['cores']} cores, load {machine['load'][0]:.1f}")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sd-soak-")))
        cameras = [
            stack.enter_context(closing(Camera(number, codec)))
            for number, codec in enumerate(CODECS, start=1)
        ]
        run = LiveRun(folder, [camera.address for camera in cameras])
        stack.callback(run.process.kill)
        stand = Stand(run, cameras, random.Random(seed))
        faults = _play_all(stand, length_s)
        run.stop()
        stand.watch.read()
        settled_s = min(SETTLED_S, length_s / 2)
        totals, missed = account(stand, settled_s, kills=sum(one.is_kill for one in faults))
    missed = [text for fault in faults for text in fault.missed] + missed
    for line in [f"{name}: {value}" for name, value in totals.items()]:
        print(line)
    print("\n".join(f"MISSED: {text}" for text in missed) or "every aim reached")
    return {
        "missed": missed,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine,
        "length_s": length_s,
        "seed": seed,
        "faults": [asdict(fault) for fault in faults],
        "totals": totals,
        "memory": [asdict(sample) for sample in stand.memory],
    }


def _play_all(stand: Stand, length_s: float) -> list[Played]:
    for camera in stand.cameras:
        stand.run.wait_for_frames(camera.source_id, 5)
    stand.begin()
    dealt = deck(stand.rng)
    faults = []
    for number in range(int(length_s / EVERY_S)):
        faults.append(play(stand, next(dealt), EVERY_S * number, EVERY_S * (number + 1)))
        print(faults[-1], flush=True)
    return faults


if __name__ == "__main__":
    sys.exit(main())
