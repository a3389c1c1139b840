"""Several processes that train one network, here two on the CPU."""

from __future__ import annotations

import multiprocessing
import re
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing.context import ForkContext, SpawnContext
from pathlib import Path

import pytest
import torch

from streamdet.errors import ConfigError, EngineError
from streamdet.training.checkpoint import CHECKPOINT, read_checkpoint
from streamdet.training.log import Log, read_log
from streamdet.training.loop import Event
from streamdet.training.parallel import Job, count_processes, train_together
from streamdet.training.prepare import PreparedTraining, reproducible
from streamdet.training.recipe import Recipe, check_recipe
from streamdet.training.recipe_file import read_recipe
from tests.training.toy_training import (
    assert_same_weights,
    prepared,
    train,
    write_images,
    write_recipe,
)

FORK = multiprocessing.get_context("fork")
PLAIN = {  # neither norms nor dropout, and losses that are means over images
    "model": "localizer_resnet18",
    "network": {"backbone": "alexnet", "widths": []},
    "optimiser": {"kind": "sgd", "rate": 1e-3},
    "ema": None,
}


def together(
    recipe_path: Path,
    folder: Path,
    *,
    resumes: bool = False,
    after: Callable[[Event], None] = lambda event: None,
    last: int | None = None,
    context: SpawnContext | ForkContext = FORK,
) -> PreparedTraining:
    """Train in two processes, to the end or for `last` events; forked, they start in no time."""
    text, events = read_recipe(recipe_path, ()), list[Event]()
    recipe = check_recipe(text, recipe_path)
    with reproducible(recipe):
        made = prepared(recipe_path, folder, resumes=resumes)
        log = Log(folder, made.loop.step, made.loop.measured)
        job = Job(recipe, text, folder, resumes)
        stop: Callable[[], bool] = lambda: len(events) == last  # noqa: E731
        for event in train_together(job, made.loop, 2, stop, context):
            log.write(event)
            after(event)
            events.append(event)
    return made


def read(path: Path) -> Recipe:
    return check_recipe(read_recipe(path, ()), path)


def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    write_images(tmp_path)
    recipe = write_recipe(tmp_path, epochs=2, **PLAIN)
    one = train(recipe, tmp_path / "one").loop
    two = together(recipe, tmp_path / "two", context=multiprocessing.get_context("spawn")).loop
    first = prepared(recipe, tmp_path / "first").loop.network.state_dict()
    assert two.is_done
    for name, value in one.network.state_dict().items():
        moved = (value - first[name]).norm()
        assert moved > 0
        assert (two.network.state_dict()[name] - value).norm() < 1e-3 * moved, name
    for alone, shared in zip(read_log(tmp_path / "one"), read_log(tmp_path / "two"), strict=True):
        assert shared["losses"] == pytest.approx(alone["losses"], rel=1e-4)


@pytest.mark.nightly
def test_a_killed_process_ends_all_in_one_sentence_and_resuming_is_exact(tmp_path: Path) -> None:
    write_images(tmp_path)
    recipe = write_recipe(tmp_path, epochs=2, augmentation={"mosaic": 0.5})  # 6 steps
    unbroken = together(recipe, tmp_path / "unbroken")

    def kill_one(event: Event) -> None:
        if event.step == 5:
            [victim] = [each for each in multiprocessing.active_children()
                        if name_of(each.pid) == "sd:train-1"]  # fmt: skip
            victim.kill()

    with pytest.raises(EngineError, match=r"^training process 2 of 2 was ended by SIGKILL.*point$"):
        together(recipe, tmp_path / "killed", after=kill_one)
    assert not multiprocessing.active_children()
    assert read_checkpoint(tmp_path / "killed" / CHECKPOINT).step == 4

    resumed = together(recipe, tmp_path / "killed", resumes=True)
    assert resumed.loop.is_done
    assert_same_weights(unbroken.loop.network, resumed.loop.network)
    assert_same_weights(unbroken.loop.result, resumed.loop.result)
    assert read_log(tmp_path / "killed") == read_log(tmp_path / "unbroken")


def test_a_stop_leaves_a_checkpoint_and_an_error_of_one_is_told_as_it_is(tmp_path: Path) -> None:
    write_images(tmp_path)
    recipe = write_recipe(tmp_path)
    assert 3 <= together(recipe, tmp_path / "out", last=3).loop.step < 12
    assert (tmp_path / "out" / "toy.yaml").exists()
    for image in (tmp_path / "images").iterdir():
        image.write_bytes(b"no image")
    with pytest.raises(ConfigError, match=r"\.png"):
        together(recipe, tmp_path / "out", resumes=True)


def test_processes_die_with_who_started_them(tmp_path: Path) -> None:
    write_images(tmp_path)
    recipe = write_recipe(tmp_path, epochs=10_000, devices=2)
    command = [sys.executable, "-m", "streamdet.cli", "train", str(recipe), "--output"]
    with subprocess.Popen([*command, str(tmp_path / "out")], stdout=subprocess.PIPE) as run:
        children = Path(f"/proc/{run.pid}/task/{run.pid}/children")
        wait_until((tmp_path / "out" / CHECKPOINT).exists)
        ranks = [pid for pid in children.read_text().split() if "train" in name_of(int(pid))]
        run.kill()
    assert len(ranks) == 2
    wait_until(lambda: not any(name_of(int(pid)) for pid in ranks))


def test_a_step_that_cannot_be_shared_evenly_is_refused(tmp_path: Path) -> None:
    recipe = read(write_recipe(tmp_path, batch=8, devices=3))
    with pytest.raises(ConfigError, match="the 8 images of a step cannot be shared evenly by 3"):
        count_processes(recipe, 100)
    assert count_processes(recipe, 6) == 3


def test_more_devices_than_there_are_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ConfigError, match="devices: 3 are wanted, but torch finds 2 CUDA devices"):
        count_processes(read(write_recipe(tmp_path, devices=3)), 6)
    assert count_processes(read(write_recipe(tmp_path)), 6) == 2
    assert count_processes(read(write_recipe(tmp_path, devices=1)), 6) == 1


def name_of(pid: int | None) -> str:
    """Name of a process as `ps -o comm` has it; of one that is gone, nothing."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    name, state = re.match(r"\d+ \((.*)\) (.)", stat).groups()  # type: ignore[union-attr]
    return "" if state in "ZX" else str(name)


def wait_until(is_so: Callable[[], bool], seconds: float = 250.0) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.05)
