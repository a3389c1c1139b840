"""A shipped recipe gives the same training each time, also when it is killed in between.

About 2.5 minutes of one core.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streamdet.training.checkpoint import CHECKPOINT
from streamdet.training.log import LOG, read_log
from streamdet.training.result_model import WEIGHTS
from tests.conftest import ROOT
from tests.training.toy_training import write_images

STEPS = 200
# 8 images are learnt from, 3 are measured on. The network is narrow for the sake of time;
# measured once, so that the weights that are kept are those of the last step.
CHANGES = [
    *("classes=[cat]", "hw=[64, 96]", "network={width: 0.125}", "batch=2", "epochs=50"),
    *("validate_every=50", "checkpoint_every=40", "threads=1", "start={}"),
]


def training(recipe: Path, output: Path, precision: str, *arguments: str) -> subprocess.Popen[str]:
    changes = [text for each in (*CHANGES, f"precision={precision}") for text in ("--set", each)]
    command = [sys.executable, "-m", "streamdet.cli", "train", str(recipe), *changes, *arguments]
    return subprocess.Popen(
        [*command, "--output", str(output)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip


def end(process: subprocess.Popen[str]) -> None:
    try:
        _, said = process.communicate()
    finally:  # a test that takes too long leaves nothing behind
        process.kill()
    assert process.returncode == 0, said


def kill_after(process: subprocess.Popen[str], output: Path, step: int) -> None:
    while len(read_log(output)) < step:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_recipe_again_and_after_a_kill_gives_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    write_images(tmp_path, count=11).rename(tmp_path / "labels.json")
    monkeypatch.chdir(tmp_path)  # where the recipe looks for its images
    recipe = ROOT / "configs" / "recipes" / "yolox.yaml"
    once, again, broken = (tmp_path / name for name in ("once", "again", "broken"))
    end(training(recipe, once, precision))
    end(training(recipe, again, precision))
    kill_after(training(recipe, broken, precision), broken, STEPS // 2)
    assert (broken / CHECKPOINT).exists()
    assert len(read_log(broken)) < STEPS
    end(training(recipe, broken, precision, "--resume"))
    assert [line["step"] for line in read_log(once) if "losses" in line] == [*range(1, STEPS + 1)]
    for other in (again, broken):
        assert (other / LOG).read_bytes() == (once / LOG).read_bytes()
        assert (other / WEIGHTS).read_bytes() == (once / WEIGHTS).read_bytes()
