"""A graph whose images lie in a GPU, emulated: the results of the CPU, whatever is killed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
import pytest

from streamdet.sources.scene_uri import SceneSpec
from streamdet.sources.street import Street
from tests.emulation.emulated import EmulatedCuda, all_kernels
from tests.faults.place import Place
from tests.faults.storm import (
    assert_each_once_in_order,
    errors_in,
    kill_at_random,
    lines_of,
    output_of,
    results_of,
    stage_processes,
    streamdet,
    wait_for_lines,
)
from tests.sources.made_video import write_video

FRAMES = 50
GRAPH = """\
version: 1
name: gpu
nodes:
  camera:
    {{kind: source, uri: "synthetic:street?frames={frames}&hw=240x320", device: {device}, {front}}}
  prepare: {{kind: transform, reads: camera, device: {device}, {front}}}
  detect: {{batch: 2, kind: detector, reads: prepare, model: people, classes: [person], copy: true}}
  track: {{kind: byte_track, reads: detect, process: back}}
  write: {{kind: jsonl, reads: track, process: back, path: {path}}}
"""
LATE_US = "300"
PARTS = Path(__file__).parents[1] / "emulation" / "runtime"
"""The package of `runtime: emulated_parts`."""
NODES = ("camera", "prepare", "detect")


@pytest.fixture
def gpu(emulated_cuda: EmulatedCuda) -> Iterator[dict[str, str]]:
    """The environment of a run on the emulated device, on which nothing may be left."""
    assert emulated_cuda.used_bytes() == 0
    yield {
        **emulated_cuda.environment,
        "EMULATED_CUDA_KERNELS": all_kernels(),
        "EMULATED_CUDA_DELAY_US": LATE_US,
        "PYTHONPATH": f"{emulated_cuda.environment['PYTHONPATH']}:{PARTS}",
    }
    assert emulated_cuda.used_bytes() == 0


def graph(folder: Path, device: str, *, front: str = "batch: 2", frames: int = FRAMES) -> Path:
    """A graph file that writes to `o.jsonl` beside it."""
    path = folder / f"{device.partition(':')[0]}.yaml"
    text = GRAPH.format(frames=frames, device=device, front=front, path=folder / "o.jsonl")
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def cpu_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With o.jsonl and o.mp4 of a run on the CPU."""
    folder = tmp_path_factory.mktemp("cpu")
    path, video = graph(folder, "cpu"), folder / "o.mp4"
    with streamdet("run", str(path), "--output", str(video)) as process:
        output_of(process, 120)
        assert process.returncode == 0
    return folder


@pytest.fixture(scope="module")
def on_cpu(cpu_folder: Path) -> dict[str, list[Any]]:
    return results_of(lines_of(cpu_folder / "o.jsonl"))


def test_a_gpu_finds_and_shows_what_the_cpu_does(
    gpu: dict[str, str], cpu_folder: Path, tmp_path: Path
) -> None:
    path, video = graph(tmp_path, "cuda:0", front="process: front"), tmp_path / "o.mp4"
    with streamdet("run", str(path), "--stages", "--output", str(video), env=gpu) as process:
        text = output_of(process, 180)
    assert process.returncode == 0, text
    found, wanted = (lines_of(folder / "o.jsonl") for folder in (tmp_path, cpu_folder))
    assert results_of(found) == results_of(wanted)
    assert video.read_bytes() == (cpu_folder / "o.mp4").read_bytes()
    assert "decoded on the CPU, each image copied to cuda:0 (emulated on a CPU) once" in text


@pytest.mark.nightly
def test_killed_workers_lose_and_double_nothing(
    gpu: dict[str, str], on_cpu: dict[str, list[Any]], tmp_path: Path
) -> None:
    few = tmp_path / "few.yaml"  # so that every process has work up to the end
    few.write_text("slots: 2\nmax_in_flight: 6\n")
    path = graph(tmp_path, "cuda:0")
    with streamdet("run", str(path), "--deploy", str(few), env=gpu) as process:
        for count, name in ((5, "sd:prepare-0"), (20, "sd:camera-0")):
            wait_for_lines(tmp_path / "o.jsonl", count, process)
            next(each for each in stage_processes(process) if each.name() == name).kill()
        text = output_of(process, 180)
    assert process.returncode == 0, text
    lines = lines_of(tmp_path / "o.jsonl")
    assert "2 restarts" in text
    assert_each_once_in_order(lines, {"street": FRAMES})
    assert results_of(lines) == on_cpu


@pytest.mark.nightly
def test_a_storm_of_kills_loses_and_doubles_nothing(gpu: dict[str, str], tmp_path: Path) -> None:
    frames = 300
    few = tmp_path / "few.yaml"
    few.write_text("slots: 4\nmax_in_flight: 12\nrestart: {max_per_minute: 100, backoff_s: 0.1}\n")
    path = graph(tmp_path, "cuda:0", frames=frames)
    with streamdet("run", str(path), "--deploy", str(few), env=gpu) as process:
        wait_for_lines(tmp_path / "o.jsonl", 1, process)
        kills = kill_at_random(process, every_s=0.8, for_s=40, seed=3)
        text = output_of(process, 240)
    assert process.returncode == 0, text
    assert kills > 10
    assert_each_once_in_order(lines_of(tmp_path / "o.jsonl"), {"street": frames})


def test_a_run_whose_owner_of_gpu_memory_is_killed_ends_with_a_sentence(
    gpu: dict[str, str], tmp_path: Path
) -> None:
    place = Place()
    path = graph(tmp_path, "cuda:0", frames=2000)
    settings = {**gpu, **place.env, "EMULATED_CUDA_ORPHANS": "fault"}
    with streamdet("run", str(path), env=settings) as process:
        wait_for_lines(tmp_path / "o.jsonl", 3, process)
        place.note(process)
        owner_of(process).kill()
        text = output_of(process, 180)
    assert process.returncode == 1
    assert "the process that holds the images on cuda:0 has ended" in "\n".join(errors_in(text))
    place.assert_clean()
    place.remove()


def owner_of(process: Any) -> psutil.Process:
    children = psutil.Process(process.pid).children(recursive=True)
    return next(each for each in children if each.name() == "sd:gpu-memory")


def test_too_little_gpu_memory_is_a_sentence(gpu: dict[str, str], tmp_path: Path) -> None:
    small = {**gpu, "EMULATED_CUDA_MEMORY_MIB": "4"}
    with streamdet("run", str(graph(tmp_path, "cuda:0")), env=small) as process:
        text = output_of(process, 120)
    assert process.returncode == 2, text
    (error,) = errors_in(text)
    assert "images cannot be kept on cuda:0: GPU memory is full" in error


def test_check_names_a_gpu_that_cannot_be_used(gpu: dict[str, str], tmp_path: Path) -> None:
    none = {**gpu, "EMULATED_CUDA_DEVICES": "0"}
    with streamdet("check", str(graph(tmp_path, "cuda:0")), env=none) as process:
        text = output_of(process, 60)
    assert "warning: device cuda:0 cannot be used (cuInit failed" in text


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 50 frames, with people in it."""
    path = tmp_path_factory.mktemp("video") / "street.mp4"
    scene = Street(SceneSpec(hw=(240, 320), frames=FRAMES))
    write_video(path, FRAMES, hw=(240, 320), draw=scene.render)
    return path


def people(video: Path, output: Path, *settings: str) -> list[str]:
    """The arguments that run pipelines/people.yaml."""
    stated = [part for setting in settings for part in ("--set", setting)]
    return ["run", "people", "--source", str(video), "--output", str(output), *stated]


def test_a_whole_graph_on_a_gpu_finds_what_the_cpu_does_whatever_is_killed(
    gpu: dict[str, str], video: Path, tmp_path: Path
) -> None:
    few = tmp_path / "few.yaml"
    few.write_text("slots: 4\nmax_in_flight: 8\n")
    on_cpu, on_gpu = tmp_path / "cpu.jsonl", tmp_path / "gpu.jsonl"
    fp32 = ("detect.runtime=onnxruntime", "detect.precision=fp32", "detect.batch=1")
    with streamdet(*people(video, on_cpu, *fp32)) as process:
        output_of(process, 120)
    there = [f"{name}.device=cuda:0" for name in NODES]
    stated = [*there, "detect.runtime=emulated_parts", "detect.batch=1"]
    run = people(video, on_gpu, *stated)
    with streamdet(*run, "--stages", "--deploy", str(few), env=gpu) as process:
        for count, name in ((5, "sd:detect-0"), (20, "sd:front-0")):
            wait_for_lines(on_gpu, count, process)
            next(each for each in stage_processes(process) if each.name() == name).kill()
        text = output_of(process, 240)
    assert process.returncode == 0, text
    assert "2 restarts" in text
    assert "(CPUExecutionProvider) on cuda:0 (emulated on a CPU)" in text
    assert_each_once_in_order(lines_of(on_gpu), {"street": FRAMES})
    assert_same_objects(lines_of(on_gpu), lines_of(on_cpu))


def assert_same_objects(found: list[Any], wanted: list[Any]) -> None:
    """Tracks and classes the same, boxes within 0.5 pixels, scores within 1e-3."""
    assert sum(len(line["objects"]) for line in wanted) > FRAMES
    for one, same in zip(found, wanted, strict=True):
        for key in ("id", "class_id", "label"):
            assert [each[key] for each in one["objects"]] == [each[key] for each in same["objects"]]
        for each, other in zip(one["objects"], same["objects"], strict=True):
            assert each["bbox"] == pytest.approx(other["bbox"], abs=0.5)
            assert each["confidence"] == pytest.approx(other["confidence"], abs=1e-3)


def test_too_little_memory_for_the_network_is_a_sentence(
    gpu: dict[str, str], video: Path, tmp_path: Path
) -> None:
    few = tmp_path / "few.yaml"
    few.write_text("slots: 4\n")  # with `batch: 8` the pools take 31 MiB, the network 14
    small = {**gpu, "EMULATED_CUDA_MEMORY_MIB": "33"}
    there = [f"{name}.device=cuda:0" for name in NODES]
    run = people(video, tmp_path / "o.jsonl", *there, "detect.runtime=emulated_parts")
    with streamdet(*run, "--deploy", str(few), env=small) as process:
        text = output_of(process, 120)
    assert process.returncode == 1, text
    assert "the network does not fit on cuda:0: GPU memory is full" in "\n".join(errors_in(text))


def test_a_video_is_drawn_on_the_gpu_as_on_the_cpu(gpu: dict[str, str], tmp_path: Path) -> None:
    shown = []
    for device, env in (("cpu", {}), ("cuda:0", gpu)):
        path = graph(tmp_path, device, front="process: front", frames=12)
        video = tmp_path / f"{device.partition(':')[0]}.mp4"
        show = f"kind: video, reads: track, process: back, device: {device}, crf: 0, path: {video}"
        path.write_text(f"{path.read_text()}  show: {{{show}}}\n")
        with streamdet("run", str(path), "--stages", env=env) as process:
            text = output_of(process, 180)
        assert process.returncode == 0, text
        with av.open(str(video)) as file:
            shown.append([frame.to_ndarray(format="bgr24") for frame in file.decode(video=0)])
    assert "video, drawn on cuda:0 (emulated on a CPU), encoded on the CPU" in text
    here, there = (np.array(each).astype(int) for each in shown)
    assert len(here) == len(there) == 12
    assert np.abs(here - there).mean() < 0.1  # without loss: soft edges of letters alone differ
