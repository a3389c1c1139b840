"""The command line on a machine that is not as usual."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

STREET = "synthetic:street?frames=5"


def streamdet(
    *arguments: str | bytes | Path,
    env: Mapping[str, str | None] | None = None,
    inside: Sequence[str] = (),
    code: int = 0,
) -> subprocess.CompletedProcess[str]:
    """Run `streamdet` and require an exit code.

    Args:
        env: variables to set, or to take away where None.
        inside: a command that runs the one behind it, e.g. ["unshare", "--user"].
        code: the exit code that is due.
    """
    changed = os.environ | (env or {})
    done = subprocess.run(
        [*inside, sys.executable, "-m", "streamdet.cli", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=200,
        env={name: value for name, value in changed.items() if value is not None},
        check=False,
    )
    assert done.returncode == code, f"{done.returncode}: {done.stdout}\n{done.stderr}"
    return done


def mounted(script: str) -> list[str]:
    """A command for `inside`: mounts that a shell script makes and no other process sees."""
    return [*_permitted(["unshare", "--mount"]), "sh", "-ec", f'{script}; exec "$@"', "sh"]


def as_user(uid: int) -> list[str]:
    """A command for `inside`: another user, without an entry in passwd."""
    return _permitted(["unshare", "--user", f"--map-user={uid}"])


def _permitted(command: list[str]) -> list[str]:
    """The command, if this machine's administrator permits it; else the test is skipped."""
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        pytest.skip(f"`{' '.join(command)}` is not permitted here")
    return command
