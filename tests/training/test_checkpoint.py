"""Checkpoints are whole or not there."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from streamdet.errors import ConfigError
from streamdet.training.checkpoint import Checkpoint, read_checkpoint, write_checkpoint

ONE = Checkpoint("r", "d", 3, 2, 0.5, {"w": torch.ones(2)}, None, {"state": {}, "param_groups": []})


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_checkpoint(ONE, tmp_path / "c.pt")
    found = read_checkpoint(tmp_path / "c.pt")
    assert replace(found, network={}) == replace(ONE, network={})
    assert torch.equal(found.network["w"], torch.ones(2))


def test_a_missing_or_damaged_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    with pytest.raises(ConfigError, match="there is no checkpoint to go on from"):
        read_checkpoint(path)
    write_checkpoint(ONE, path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ConfigError, match="is no whole checkpoint"):
        read_checkpoint(path)


class Evil:
    """What a pickle could do."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("false",)


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    torch.save({"version": 1, "evil": Evil()}, tmp_path / "c.pt")
    with pytest.raises(ConfigError, match="is no whole checkpoint"):
        read_checkpoint(tmp_path / "c.pt")
