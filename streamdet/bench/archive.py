"""An archive against what the machine could do: many short files, and one long one.

Both with everything that a user waits for: start, planning, joining, outputs.
"""

from __future__ import annotations

import csv
import itertools
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from streamdet.archive.folder import FILES_CSV
from streamdet.bench.machine import busy_s
from streamdet.bench.material import Material
from streamdet.bench.measured import CLI, LIMIT_S, private_redis, quietest
from streamdet.bench.metrics import Aim, Metric, Outcome
from streamdet.errors import StreamdetError
from streamdet.image import Pixels
from streamdet.sources import Position
from streamdet.sources.file import FileOptions, FileSource
from streamdet.system.cores import cores

SHORT_FILES: Final = 200
SHORT_FRAMES: Final = 50
LONG_REPEATS: Final = 12
"""The clip of 795 frames so many times: 9,540 frames."""

_MODEL: Final = "detect.model=yolox_nano"
_ONE_PROCESS: Final = ("decode", "prepare", "detect")
_ARCHIVE: Final = (*_ONE_PROCESS, "track")


def run(material: Material) -> Outcome:
    """Measure the bare stages, 200 short files, and one long file, in turn."""
    with tempfile.TemporaryDirectory(prefix="sd-bench-") as folder:
        short, long = Path(folder) / "short", Path(folder) / "long.mp4"
        write_short(material.clip, short, SHORT_FILES)
        write_video(long, _repeated(material.clip, LONG_REPEATS), gop=25)
        bare = bare_costs_ms(next(short.iterdir()), material)
        runs = {
            name: quietest(lambda source=source: archive_once(source, material))  # type: ignore[misc]
            for name, source in (("short", short), ("long", long))
        }
    return compare(bare, runs["short"], runs["long"], cores())


def compare(
    bare: dict[str, float], short: dict[str, float], long: dict[str, float], core_count: int
) -> Outcome:
    """Hold both archives against the bare costs.

    Args:
        bare: stage -> CPU milliseconds per frame.
        short: what `archive_once` gave of the short files.
        long: the same of the long one.
        core_count: cores of the machine.
    """
    bare_ms = sum(bare[name] for name in _ARCHIVE)
    limit_fps = core_count * 1000 / bare_ms
    one_process_fps = 1000 / sum(bare[name] for name in _ONE_PROCESS)
    fps = {name: one["frames"] / one["wall_s"] for name, one in (("short", short), ("long", long))}
    return Outcome(
        metrics=[
            Metric("short files / limit, fps", fps["short"] / limit_fps, "", Aim(">=", 0.95)),
            Metric(
                f"long file on {core_count} cores / one process of decode + detect",
                fps["long"] / one_process_fps,
                "",
                Aim(">=", 0.95 * core_count),
            ),
            Metric("limit: cores / bare CPU per frame", limit_fps, "fps"),
            Metric("one process of decode + detect", one_process_fps, "fps"),
            *_metrics("short files", short, bare_ms),
            *_metrics("long file", long, bare_ms),
            Metric("bare CPU per frame", bare_ms, "ms"),
            *(Metric(f"  {name}", bare[name], "ms") for name in _ARCHIVE),
        ],
        details={"bare": bare, "short": short, "long": long},
    )


def _metrics(name: str, run: dict[str, float], bare_ms: float) -> Iterator[Metric]:
    cpu_ms = 1000 * run["cpu_s"] / run["frames"]
    yield Metric(name, run["frames"] / run["wall_s"], "fps")
    yield Metric(f"{name}: CPU per frame, all included", cpu_ms, "ms")
    yield Metric(f"{name}: bare CPU / CPU", bare_ms / cpu_ms)
    yield Metric(f"{name}: others' cores meanwhile", run["others_cores"])


def archive_once(source: Path, material: Material) -> dict[str, float]:
    """Run an archive in a new folder.

    Returns:
        frames, wall_s, cpu_s and others_cores, as `measured.run_once` means them.

    Raises:
        StreamdetError: it failed.
    """
    with tempfile.TemporaryDirectory(prefix="sd-bench-") as folder:
        output = Path(folder) / "out"
        arguments = ("--source", str(source), "--output", str(output), "--set", _MODEL)
        cpu_before_s, busy_before_s, started_s = _cpu_s(), busy_s(), time.monotonic()
        done = subprocess.run(
            [*CLI, "archive", "people", *arguments],
            env=material.environ,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        wall_s, cpu_s = time.monotonic() - started_s, _cpu_s() - cpu_before_s
        if done.returncode != 0:
            raise StreamdetError(f"the archive failed: {done.stderr.strip()[-500:]}")
        with (output / FILES_CSV).open() as file:
            frames = sum(int(row["frames"]) for row in csv.DictReader(file))
    others = max(0.0, busy_s() - busy_before_s - cpu_s) / wall_s
    return {"frames": frames, "wall_s": wall_s, "cpu_s": cpu_s, "others_cores": others}


def bare_costs_ms(clip: Path, material: Material) -> dict[str, float]:
    """Measure what each stage costs alone, with the runtime that is the default here."""
    with private_redis() as url:
        command = [sys.executable, "-m", "streamdet.bench.bare", str(clip), url]
        done = subprocess.run(command, env=material.environ, stdout=subprocess.PIPE, check=True)
    costs_ms: dict[str, float] = json.loads(done.stdout)
    return costs_ms


def write_short(clip: Path, folder: Path, count: int) -> None:
    """Write files of `SHORT_FRAMES` frames: parts of a clip, again and again."""
    folder.mkdir()
    frames = _repeated(clip, 1)
    parts: list[Path] = []
    while len(part := list(itertools.islice(frames, SHORT_FRAMES))) == SHORT_FRAMES:
        parts.append(folder / f"{len(parts):03d}.mp4")
        write_video(parts[-1], iter(part), gop=SHORT_FRAMES)
    for number in range(len(parts), count):
        shutil.copy(parts[number % len(parts)], folder / f"{number:03d}.mp4")


def write_video(path: Path, images: Iterator[Pixels], gop: int) -> None:
    """Encode images as H.264 at 25 fps."""
    import av
    from av.video.stream import VideoStream

    with av.open(str(path), "w") as container:
        options = {"g": str(gop), "preset": "veryfast"}
        stream = container.add_stream("libx264", rate=25, options=options)
        assert isinstance(stream, VideoStream)
        stream.pix_fmt = "yuv420p"
        for number, image in enumerate(images):
            if number == 0:
                stream.height, stream.width = image.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "bgr24")))
        container.mux(stream.encode(None))


def _repeated(clip: Path, times: int) -> Iterator[Pixels]:
    for _ in range(times):
        for frame in FileSource(str(clip), FileOptions()).frames(Position()):
            yield frame.image.bgr().copy()


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
