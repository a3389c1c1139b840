"""The Python front door on small scenes: what each function promises."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import cv2
import numpy as np
import psutil
import pytest

import streamdet
from streamdet.errors import ConfigError, SourceError, TransportError
from streamdet.transport.run_folder import live_runs
from tests.faults.storm import assert_each_once_in_order, lines_of
from tests.redis_server import RedisServer

SCENE = "synthetic:street?frames=20&hw=120x160&seed={}"
ENDLESS = "synthetic:street?frames=100000&hw=120x160"
SMALL = {"detect.model": "hog_people", "prepare.shortest_edge": 120}


@pytest.fixture
def nothing_is_left(short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """After the test, no process, no shared memory and no folder of a run is there."""
    folder = short_folder
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    draw, run_ids = secrets.token_hex, []

    def drawn(count: int) -> str:
        run_ids.append(draw(count))
        return run_ids[-1]

    monkeypatch.setattr("secrets.token_hex", drawn)
    threads = threading.active_count()
    yield
    names = [child.name() for child in psutil.Process().children(recursive=True)]
    assert not [name for name in names if name.startswith("sd:")]
    assert run_ids
    assert [path for id_ in run_ids for path in Path("/dev/shm").glob(f"streamdet-{id_}-*")] == []
    assert live_runs() == []
    assert [path.name for path in folder.glob("*/*")] == ["lock"]
    assert threading.active_count() == threads


def noise_image(folder: Path, name: str = "a.png") -> Path:
    path = folder / name
    cv2.imwrite(str(path), np.random.default_rng(3).integers(0, 255, (240, 320, 3), np.uint8))
    return path


# import


def test_the_import_loads_nothing_heavy() -> None:
    heavy = {"numpy", "redis", "av", "torch", "cv2", "pydantic", "openvino", "onnxruntime"}
    code = f"import sys, streamdet; dir(streamdet); print(*({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_every_public_name_is_there() -> None:
    assert set(streamdet.__all__) <= set(dir(streamdet))
    assert [name for name in streamdet.__all__ if not callable(getattr(streamdet, name))] == []
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        streamdet.lode  # type: ignore[attr-defined]  # noqa: B018


def test_the_package_runs_as_the_command() -> None:
    command = [sys.executable, "-m", "streamdet", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"streamdet {streamdet.__version__}\n"


# load


def test_arrays_paths_and_lists_give_the_same(tmp_path: Path) -> None:
    detector = streamdet.load("hog_people", score_thresh=0.0)
    path = noise_image(tmp_path)
    pixels = np.asarray(cv2.imread(str(path)), np.uint8)
    found = [*detector(path), *detector(str(path)), *detector(pixels), *detector([path, pixels])]
    assert len(found) == 5
    for other in found[1:]:
        np.testing.assert_array_equal(found[0].xyxy, other.xyxy)
    assert detector([]) == []
    assert detector.classes == ("person",)


def test_options_reach_the_detector(tmp_path: Path) -> None:
    everything = streamdet.load("hog_people", score_thresh=0.0, iou_thresh=1.0, max_detections=1000)
    only_one = streamdet.load("hog_people", score_thresh=0.0, iou_thresh=1.0, max_detections=1)
    noise = noise_image(tmp_path)
    assert len(everything(noise)[0]) > 1
    assert len(only_one(noise)[0]) == 1


def test_wrong_models_options_and_images_are_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'people'"):
        streamdet.load("peple")
    with pytest.raises(ConfigError, match="score_tresh is an unknown key"):
        streamdet.load("hog_people", score_tresh=0.5)
    with pytest.raises(ConfigError, match="score_thresh must be"):
        streamdet.load("hog_people", score_thresh=object())
    detector = streamdet.load("hog_people")
    with pytest.raises(ConfigError, match="cannot be read as an image"):
        detector(tmp_path / "none.jpg")
    with pytest.raises(ValueError, match=r"must be \(H, W, 3\) uint8, got \(4, 4\) uint8"):
        detector(np.zeros((4, 4), np.uint8))


# run


def test_a_run_writes_its_outputs_and_reports(tmp_path: Path, nothing_is_left: None) -> None:
    seen: list[int] = []
    report = streamdet.run(
        "people",
        sources=[SCENE.format(1), SCENE.format(2)],
        outputs=[tmp_path / "o.jsonl"],
        overrides=SMALL,
        on_progress=lambda snapshot: seen.append(snapshot.emitted),
    )
    assert report.is_good
    assert seen
    assert_each_once_in_order(lines_of(tmp_path / "o.jsonl"), {"street": 20, "street-2": 20})


def test_a_run_may_be_in_any_thread(nothing_is_left: None) -> None:
    with ThreadPoolExecutor(1) as pool:
        started = pool.submit(streamdet.run, "people", sources=SCENE.format(1), overrides=SMALL)
        assert started.result(timeout=60).is_good


def test_a_run_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no node 'detekt'"):
        streamdet.run("people", overrides={"detekt.batch": 4})
    with pytest.raises(ConfigError, match="is not a source"):
        streamdet.run("people", sources=[tmp_path / "none.mp4"])


# stream


def test_a_stream_gives_what_a_run_writes(tmp_path: Path, nothing_is_left: None) -> None:
    sources = [SCENE.format(1), SCENE.format(2)]
    with streamdet.stream(sources, graph="people", overrides=SMALL) as frames:
        came = list(frames)
    streamdet.run("people", sources=sources, outputs=tmp_path / "o.jsonl", overrides=SMALL)
    written = {
        (line["source_id"], line["frame_id"]): line for line in lines_of(tmp_path / "o.jsonl")
    }
    assert {(frame.source_id, frame.index) for frame in came} == set(written)
    assert len(came) == len(written) == 40
    for frame in came:
        line = written[frame.source_id, frame.index]
        boxes = [found["bbox"] for found in line["objects"]]
        np.testing.assert_allclose(frame.detections.xyxy, np.reshape(boxes, (-1, 4)), atol=0.006)
        assert frame.pts_s == line["pts_ns"] / 1e9
        assert frame.detections.labels(frame.classes) == [o["label"] for o in line["objects"]]
    assert frames.report is not None
    assert frames.report.is_good


def test_images_of_a_stream_are_the_frames_themselves(nothing_is_left: None) -> None:
    [first, second, *_] = streamdet.stream(SCENE.format(5), overrides=SMALL)
    [again, *_] = streamdet.stream(SCENE.format(5), overrides=SMALL)
    assert first.image is not None
    assert second.image is not None
    assert again.image is not None
    assert first.image.shape == (120, 160, 3)
    np.testing.assert_array_equal(first.image, again.image)
    assert (first.image != second.image).any()


def test_leaving_the_loop_ends_the_run(nothing_is_left: None) -> None:
    for frame in streamdet.stream(ENDLESS, overrides=SMALL):
        if frame.index == 3:
            break


def test_an_exception_in_the_loop_ends_the_run(nothing_is_left: None) -> None:
    def fail() -> None:
        for frame in streamdet.stream(ENDLESS, overrides=SMALL):
            raise KeyError(frame.index)

    with pytest.raises(KeyError):
        fail()


def test_a_stream_that_nobody_asks_for_a_frame_can_be_closed(nothing_is_left: None) -> None:
    frames = streamdet.stream(ENDLESS, overrides=SMALL)
    frames.close()
    frames.close()
    assert list(frames) == []


def test_the_end_of_the_program_ends_a_stream(short_folder: Path) -> None:
    code = (
        "import streamdet\n"
        f"frames = streamdet.stream({ENDLESS!r}, overrides={SMALL!r})\n"
        "print(next(frames).index)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"TMPDIR": str(short_folder)},
    )
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr
    assert [path.name for path in short_folder.glob("*/*")] == ["lock"]


def test_a_source_that_cannot_be_read_is_raised_behind_the_frames(
    tmp_path: Path, nothing_is_left: None
) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    came: list[str] = []
    with pytest.raises(SourceError, match=r"bad\.mp4"):
        came.extend(
            frame.source_id
            for frame in streamdet.stream([SCENE.format(1), tmp_path / "bad.mp4"], overrides=SMALL)
        )
    assert came == ["street"] * 20


def test_a_run_that_fails_is_raised(tmp_path: Path, nothing_is_left: None) -> None:
    with pytest.raises(TransportError, match="does not answer"):
        next(streamdet.stream(ENDLESS, redis=f"unix://{tmp_path}/none.sock", overrides=SMALL))


def test_killed_workers_lose_and_double_no_frame(nothing_is_left: None) -> None:
    kills = 0
    came = []
    with streamdet.stream("synthetic:street?frames=150&hw=120x160", overrides=SMALL) as frames:
        for frame in frames:
            came.append(frame.index)
            if frame.index % 30 == 7:
                kills += kill("sd:caller-0") + kill("sd:detect-0") + kill("sd:front-0")
    assert kills >= 10
    assert came == list(range(150))
    assert frames.report is not None
    assert frames.report.restarts >= 5


def kill(name: str) -> int:
    for child in psutil.Process().children(recursive=True):
        if child.name() == name:
            child.kill()
            return 1
    return 0


def test_a_slow_loop_is_no_stall(tmp_path: Path, nothing_is_left: None) -> None:
    (tmp_path / "hasty.yaml").write_text("stall_s: 1.5\n")
    with streamdet.stream(
        SCENE.format(1), overrides=SMALL, deploy=tmp_path / "hasty.yaml"
    ) as frames:
        came = [next(frames).index]
        time.sleep(5)
        came += [frame.index for frame in frames]
    assert came == list(range(20))
    assert frames.report is not None
    assert frames.report.restarts == 0


# read


def test_a_group_shares_the_messages_of_a_run(redis_server: RedisServer) -> None:
    stream = f"shared-{uuid4().hex}"
    came: list[list[int]] = [[], []]

    def consume(which: int) -> None:
        for message in streamdet.read(stream, redis=redis_server.url, group="g", idle_s=4):
            came[which].append(message.frame_id)
            time.sleep(0.005)

    readers = [threading.Thread(target=consume, args=(which,)) for which in range(2)]
    for reader in readers:
        reader.start()
    overrides = {**SMALL, "publish.stream": stream}
    scene = "synthetic:street?frames=60&hw=120x160"
    report = streamdet.run("people", sources=scene, redis=redis_server.url, overrides=overrides)
    for reader in readers:
        reader.join(timeout=30)
    assert report.is_good
    assert sorted(came[0] + came[1]) == list(range(60))
    assert came[0]
    assert came[1]
    assert redis_server.client().xpending(stream, "g")["pending"] == 0
    assert redis_server.client().xinfo_consumers(stream, "g") == []


def publish(server: RedisServer, *bodies: object) -> str:
    stream = f"public-{uuid4().hex}"
    for body in bodies:
        server.client().xadd(stream, {"metadata": json.dumps(body)})
    return stream


def test_a_message_that_was_not_finished_comes_again_to_another_consumer(
    redis_server: RedisServer,
) -> None:
    stream = publish(redis_server, {"frame_id": 0}, {"frame_id": 1})
    dead = iter(streamdet.read(stream, redis=redis_server.url, group="g", consumer="dead"))
    assert next(dead)["frame_id"] == 0
    del dead
    other = streamdet.read(stream, redis=redis_server.url, group="g", idle_s=1, claim_after_s=0.3)
    assert sorted(message.frame_id for message in other) == [0, 1]


def test_a_consumer_that_comes_back_gets_its_unfinished_message_first(
    redis_server: RedisServer,
) -> None:
    stream = publish(redis_server, {"frame_id": 0}, {"frame_id": 1})
    where = {"redis": redis_server.url, "group": "g", "consumer": "me"}
    first = iter(streamdet.read(stream, **where))  # type: ignore[arg-type]
    assert next(first).frame_id == 0
    del first
    again = streamdet.read(stream, idle_s=0.5, **where)  # type: ignore[arg-type]
    assert [message.frame_id for message in again] == [0, 1]


def test_a_message_is_a_mapping_of_what_was_published(redis_server: RedisServer) -> None:
    body = {"source_id": "cam", "frame_id": 7, "pts_ns": 500_000_000, "objects": [{"id": 1}]}
    stream = publish(redis_server, body)
    redis_server.client().xadd(stream, {"event": '{"event": "zone_enter", "zone": "yard"}'})
    redis_server.client().xadd(stream, {"other": "text"})
    frame, event, foreign = streamdet.read(stream, redis=redis_server.url, group="g", idle_s=0.5)
    assert dict(frame) == body
    assert (frame.source_id, frame.frame_id, frame.pts_s) == ("cam", 7, 0.5)
    assert frame.objects == [{"id": 1}]
    assert frame.dropped is None
    assert dict(event) == {"event": "zone_enter", "zone": "yard"}
    assert dict(foreign) == {"other": "text"}


def test_reading_without_a_server_says_what_to_do(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(short_folder))
    monkeypatch.delenv("STREAMDET_REDIS", raising=False)
    with pytest.raises(ConfigError, match="name a server with redis=URL"):
        streamdet.read(group="g")
    with pytest.raises(TransportError, match="does not answer"):
        next(streamdet.read(group="g", redis=f"unix://{short_folder}/none.sock"))


def test_what_the_command_says_of_a_run_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    scene = "synthetic:street?frames=2&hw=120x160"
    with caplog.at_level("INFO", "streamdet"):
        streamdet.run("people", sources=[scene, scene])
    said = {(record.levelname, record.message.partition(" ")[0]) for record in caplog.records}
    assert ("WARNING", scene) in said
    assert ("INFO", "detect:") in said
