"""Our CPU runtime against torchvision in eager mode: time and agreement, on the same frames.

`python -m benchmarks.torchvision_ratio MODEL --python VENV/bin/python --frames FOLDER` runs
torchvision in another Python, since it wants another torch, and both in turn on one frame after the
other. Both have the same random weights, scaled to act like trained ones, and see frames of one
size; unless stated otherwise, ours get the canvas that torchvision makes of them. The time of each
is from the decoded frame to its detections. On a busy machine believe the seconds of CPU, with one
thread: torch's threads wait for each other by spinning.

Random networks are far more sensitive than trained ones: OpenCV's resizing in place of torch's is
enough to change some detections, so `agreement` is a lower bound.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from streamdet.detections import Detections
from streamdet.detectors.parts.options import NetworkOptions
from streamdet.errors import ConfigError, EngineError
from streamdet.evaluation.image_file import read_image
from streamdet.evaluation.images import ImageDetector
from streamdet.image import ArrayImage, Pixels
from streamdet.models.model_config import ModelConfig, load_model_config
from streamdet.ops.iou import pairwise_iou
from streamdet.registry import load, load_network
from streamdet.runtimes import Precision, RuntimeOptions
from streamdet.system.cores import cores

HW: Final = (480, 640)
FRAMES: Final = 4
SCORE_THRESH: Final = 0.05  # torchvision's, built into the networks
_DIVISOR: Final = 32  # torchvision pads images to multiples of it
_SIDE: Final = Path(__file__).with_name("torchvision_side.py")


def canvas_hw(hw: tuple[int, int], sides: tuple[int, int]) -> tuple[int, int]:
    """The canvas that torchvision makes of an image: enlarged, then padded.

    Args:
        hw: of the image.
        sides: what the shorter side becomes, unless the longer one grew beyond the second.
    """
    ratio = min(sides[0] / min(hw), sides[1] / max(hw))
    height, width = (math.ceil(int(side * ratio) / _DIVISOR) * _DIVISOR for side in hw)
    return height, width


def agreement(found: Detections, wanted: Detections) -> float:
    """Share of all detections that have one of the same class at the same place, IoU >= 0.9."""
    if not len(found) or not len(wanted):
        return float(len(found) == len(wanted))
    same = pairwise_iou(found.xyxy, wanted.xyxy) >= 0.9
    same &= found.class_ids[:, None] == wanted.class_ids
    matched = same.any(axis=0).sum() + same.any(axis=1).sum()
    return float(matched / (len(found) + len(wanted)))


def run(
    model: ModelConfig, python: Path, frames: Sequence[Pixels], threads: int, rounds: int
) -> dict[str, dict[str, float]]:
    """Compare on frames of one size.

    Args:
        model: from `model_for`.
        python: of an environment that has torchvision.
        frames: (H, W, 3) uint8 BGR each.
        threads: of either side.
        rounds: how often each frame is seen, beside once to warm up.

    Returns:
        "torchvision" and each precision of ours: seconds by the clock (median and least) and of
        CPU (median), the ratios of torchvision's to ours, the mean agreement, and the number of
        detections of a frame.
    """
    with tempfile.TemporaryDirectory(prefix="sd-ratio-") as folder:
        ours = _ours(model, frames[0], Path(folder), threads)
        np.save(Path(folder) / "frames.npy", np.stack([frame[..., ::-1] for frame in frames]))
        command = [str(python), str(_SIDE), model.name, f"{folder}/weights.pth",
                   f"{folder}/frames.npy", str(threads)]  # fmt: skip
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as theirs:
            records = [
                record
                for round_ in range(rounds + 1)
                for record in _round(ours, theirs, frames)
                if round_ > 0  # the first warms up
            ]
            assert theirs.stdin is not None
            theirs.stdin.close()
    return _report(records)


class _Record(NamedTuple):
    """One frame on one side."""

    way: str
    seconds: float
    cpu_seconds: float
    detections: int
    agreement: float


def _round(
    ours: dict[str, ImageDetector], theirs: subprocess.Popen[str], frames: Sequence[Pixels]
) -> Iterator[_Record]:
    for number, frame in enumerate(frames):
        answer = _ask(theirs, number)
        xyxy = np.reshape(answer["boxes"], (-1, 4))
        wanted = Detections(xyxy, answer["scores"], answer["class_ids"])
        yield _Record("torchvision", answer["seconds"], answer["cpu_seconds"], len(wanted), 1.0)
        for way, detect in ours.items():
            start, cpu_start = time.perf_counter(), time.process_time()
            found = detect(frame)
            seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
            yield _Record(way, seconds, cpu_seconds, len(found), agreement(found, wanted))


def _report(records: Sequence[_Record]) -> dict[str, dict[str, float]]:
    report: dict[str, dict[str, float]] = {}
    for way in dict.fromkeys(record.way for record in records):
        own = [record for record in records if record.way == way]
        seconds = [record.seconds for record in own]
        times = {
            "median_s": statistics.median(seconds),
            "least_s": min(seconds),
            "cpu_s": statistics.median(record.cpu_seconds for record in own),
        }
        theirs = report.get("torchvision", times)
        report[way] = {
            **times,
            **{f"ratio of {name}": theirs[name] / value for name, value in times.items()},
            "detections": statistics.mean(record.detections for record in own),
            "agreement": statistics.mean(record.agreement for record in own),
        }
    return report


def model_for(name: str, proposals: int | None, canvas: tuple[int, int] | None) -> ModelConfig:
    """Give a shipped model another canvas and fewer proposals.

    Args:
        name: of one of torchvision's models.
        proposals: before and after their suppression; None: as many as torchvision has.
        canvas: height and width of what the network sees; None: what torchvision makes of `HW`.
    """
    model = load_model_config(name)
    assert model.input is not None
    assert model.network is not None
    hw = canvas or canvas_hw(HW, (320, 640) if "_320_" in name else (800, 1333))
    few = {} if proposals is None else {"before_nms": proposals, "after_nms": proposals}
    return model.model_copy(
        update={
            "input": model.input.model_copy(update={"hw": hw}),
            "network": {**model.network, "rpn": {**model.network["rpn"], **few}},
        }
    )


def _ours(
    model: ModelConfig, frame: Pixels, folder: Path, threads: int
) -> dict[str, ImageDetector]:
    """Make our detectors in all precisions, and leave their weights in the folder."""
    import torch

    from benchmarks.spread_weights import randomized, spread
    from streamdet.building.export import export

    assert model.input is not None
    network_class = load_network(model.detector)
    options = network_class.Options.model_validate(model.network)
    network = network_class(options, len(model.classes), model.input.hw)
    randomized(network)
    spread(network, torch.from_numpy(_normalised(model, frame)), background=4.0)
    torch.save(network.state_dict(), folder / "weights.pth")
    path = folder / "network.onnx"
    path.write_bytes(export(network, model.input.name, model.input.hw).SerializeToString())
    precisions: tuple[Precision, ...] = ("fp32", "bf16", "int8+fp32", "int8+bf16")
    return {
        f"openvino {precision}": _detector(
            model, path, RuntimeOptions(precision=precision, threads=threads)
        )
        for precision in precisions
    }


def _normalised(model: ModelConfig, frame: Pixels) -> npt.NDArray[np.float32]:
    """A frame as the network sees it: (1, 3, H, W)."""
    assert model.input is not None
    transform_class = load("transform", model.transform.kind)
    prepared = np.empty((*model.input.hw, 3), np.uint8)
    transform_class(transform_class.Options(**model.transform_options))(ArrayImage(frame), prepared)
    values = (prepared[..., ::-1] - np.array(model.input.mean)) / np.array(model.input.std)
    return np.asarray(values.transpose(2, 0, 1)[None], dtype=np.float32)


def _detector(model: ModelConfig, path: Path, runtime_options: RuntimeOptions) -> ImageDetector:
    assert model.input is not None
    runtime = load("runtime", "openvino")(path, model.input, runtime_options)
    options = NetworkOptions(model=model.name, score_thresh=SCORE_THRESH)
    return ImageDetector(load("detector", model.detector)(options, model, runtime), model)


def _ask(process: subprocess.Popen[str], number: int) -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{number}\n")
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        raise EngineError("torchvision's side ended: see what it wrote above")
    answer: dict[str, Any] = json.loads(line)
    return answer


def read_frames(folder: Path) -> list[Pixels]:
    """Read the first images of `HW`.

    Raises:
        ConfigError: the folder holds none.
    """
    images = (read_image(path) for path in sorted(folder.rglob("*.jpg")))
    frames = [image for image in images if image.shape[:2] == HW][:FRAMES]
    if not frames:
        raise ConfigError(f"{folder} holds no image of {HW[0]} x {HW[1]}")
    return frames


def main() -> None:
    """Print the comparison as JSON."""
    parser = argparse.ArgumentParser(description="Our CPU runtime against torchvision.")
    parser.add_argument("model")
    parser.add_argument("--python", type=Path, required=True, help="Python that has torchvision")
    parser.add_argument("--frames", type=Path, required=True, help="folder of images, 480 x 640")
    parser.add_argument("--proposals", type=int, help="of ours; by default torchvision's number")
    parser.add_argument(
        "--canvas", type=int, nargs=2, help="height and width of ours; by default torchvision's"
    )
    parser.add_argument("--threads", type=int, default=cores(), help="of either side")
    parser.add_argument("--rounds", type=int, default=5, help="times that each frame is seen")
    stated = parser.parse_args()
    frames = read_frames(stated.frames)
    model = model_for(stated.model, stated.proposals, stated.canvas and tuple(stated.canvas))
    print(json.dumps(run(model, stated.python, frames, stated.threads, stated.rounds), indent=2))


if __name__ == "__main__":
    main()
