from __future__ import annotations

from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest

from streamdet.cli import main
from streamdet.errors import CameraLostError, CameraRefusedError, CameraSilentError, ConfigError
from streamdet.sources.chaos_camera import ChaosCamera, script
from streamdet.sources.live import LiveOptions, LiveSource
from streamdet.sources.resolve import resolve

SMALL = "chaos:street?hw=96x128&fps=10&seed="
READ_S = 0.01
AWAY = "the script says that nobody is there"


def played(seed: int, steps: int) -> list[str | tuple[int, tuple[int, int]]]:
    """Each frame's number and size, and each end of a connection, without waiting for frames."""
    camera = ChaosCamera(f"{SMALL}{seed}")
    seen: list[str | tuple[int, tuple[int, int]]] = []
    for _ in range(steps):
        try:
            camera.connect(READ_S, None)
            seen.append((camera.number, camera.street.spec.hw))
            camera.step(READ_S)
        except CameraLostError as exc:
            seen.append(str(exc))
    return seen


def test_the_script_has_each_fault_once_before_any_comes_again() -> None:
    acts = [*islice(script(7, 10.0), 15)]
    for first in (0, 5, 10):
        faults = sorted(act.fault for act in acts[first : first + 5])
        assert faults == ["away", "end", "freeze", "gap", "size"]
    assert all(10 <= act.frames <= 30 for act in acts)


def test_a_camera_freezes_loses_frames_changes_its_size_ends_and_is_away() -> None:
    seen = played(seed=1, steps=150)  # five acts of 30 frames at most
    ends = [each for each in seen if isinstance(each, str)]
    frames = [each for each in seen if not isinstance(each, str)]
    assert {*ends} == {"no packet for 0.01 s", "the stream ended", AWAY}
    assert ends[ends.index(AWAY) - 1] == "the stream ended"
    assert {hw for _, hw in frames} == {(96, 128), (64, 64)}
    numbers = [number for number, _ in frames]
    assert numbers == sorted({*numbers})
    assert numbers[-1] > len(numbers)  # some are lost


def test_a_seed_gives_the_same_each_time_and_another_seed_something_else() -> None:
    assert played(3, 150) == played(3, 150) != played(4, 150)


def test_a_freeze_of_longer_than_the_time_limit_is_a_silent_camera() -> None:
    camera = _before_freeze()
    number = camera.number
    with pytest.raises(CameraSilentError, match=r"no packet for 0\.01 s"):
        camera.step(READ_S)
    assert camera.number == number + 1


def _before_freeze() -> ChaosCamera:
    """A camera whose next step is a freeze."""
    for seed in range(100):
        first = next(script(seed, 10.0))
        if first.fault == "freeze":
            camera = ChaosCamera(f"{SMALL}{seed}")
            for _ in range(first.frames - 1):
                camera.step(READ_S)
            return camera
    raise AssertionError


def test_its_frames_come_when_they_are_due() -> None:
    source = LiveSource(f"{SMALL}1", LiveOptions())
    with closing(source.connect()) as connection:
        frames = [*islice(connection.frames(), 6)]
    taken_s = [frame.captured_ns / 1e9 for frame in frames]
    assert taken_s[-1] - taken_s[0] == pytest.approx(0.5, abs=0.2)
    assert [frame.pts for frame in frames] == [*range(6)]
    assert all(frame.image.hw == (96, 128) for frame in frames)


def test_clips_of_it_are_refused() -> None:
    with pytest.raises(CameraRefusedError, match="no encoded packets"):
        LiveSource(f"{SMALL}1", LiveOptions()).connect(lambda packet: None)


@pytest.mark.parametrize(
    ("uri", "sentence"),
    [
        ("chaos:road", "no scene is called 'road', the only one is chaos:street"),
        ("chaos:street?sed=1", "unknown key 'sed'"),
        ("chaos:street?seed=x", "seed must be"),
    ],
)
def test_a_wrong_address_is_one_sentence(uri: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        resolve(uri)


def test_it_is_a_live_source_of_any_graph(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert resolve("chaos:street?seed=3")[0] == "live"
    output = tmp_path / "o.jsonl"
    assert main(["check", "people", "--source", "chaos:street", "--output", str(output)]) == 0
    assert "warning" not in capsys.readouterr().err
