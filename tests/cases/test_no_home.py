"""A container's user: no HOME, no entry in passwd, a HOME that belongs to somebody else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cases.machine import STREET, as_user, streamdet
from tests.faults.storm import lines_of

NOBODY = {"HOME": None, "USER": None, "LOGNAME": None, "XDG_CACHE_HOME": None}


@pytest.fixture
def read_only_home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir(mode=0o500)
    return home


@pytest.mark.parametrize(
    "home",
    [
        None,
        pytest.param("/proc/home", marks=pytest.mark.nightly),
        pytest.param("/dev/null", marks=pytest.mark.nightly),
    ],
)
def test_the_shipped_model_runs_with_one_warning(tmp_path: Path, home: str | None) -> None:
    output = tmp_path / "seen.jsonl"
    run = ("run", "people", "--source", STREET, "--output", output)
    env = {**NOBODY, "HOME": home, "TMPDIR": str(tmp_path)}
    first = streamdet(*run, env=env, inside=as_user(12345))
    assert len(lines_of(output)) == 5
    (warning,) = [line for line in first.stderr.splitlines() if line]
    assert re.fullmatch(
        r"warning: (there is no home folder|\S+ cannot be written to): what is measured or built is"
        rf" kept in {tmp_path}/streamdet-12345-cache; set XDG_CACHE_HOME",
        warning,
    )
    assert streamdet(*run, env=env, inside=as_user(12345)).stderr == ""  # kept, and found again


@pytest.mark.nightly
def test_a_home_of_somebody_else_is_no_hindrance(tmp_path: Path, read_only_home: Path) -> None:
    env = {**NOBODY, "HOME": str(read_only_home), "TMPDIR": str(tmp_path)}
    done = streamdet("run", "people", "--source", STREET, env=env, inside=as_user(12345))
    assert "in 5 frames" in done.stdout
    assert f"warning: {read_only_home}/.cache/streamdet cannot be written to" in done.stderr


def test_doctor_ends_well_and_says_where_the_cache_is(tmp_path: Path) -> None:
    done = streamdet("doctor", env={**NOBODY, "TMPDIR": str(tmp_path)}, inside=as_user(12345))
    assert re.search(
        r"warning +cache +there is no home folder: .* -> set XDG_CACHE_HOME", done.stdout
    )
    assert "`streamdet run people` works here" in done.stdout


@pytest.mark.parametrize(
    "command",
    [("models", "list"), ("models", "show", "yolox_nano"), ("check", "people"), ("status",)],
)
def test_other_commands_do_not_mind(tmp_path: Path, command: tuple[str, ...]) -> None:
    streamdet(*command, env={**NOBODY, "TMPDIR": str(tmp_path)}, inside=as_user(12345))
