"""Results in MOTS text against a truth in it, by `streamdet eval results`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from streamdet.cli import main
from streamdet.ops.run_length import encode


def text(path: Path, *rows: tuple[int, int, int], hw: tuple[int, int] = (40, 60)) -> Path:
    """Pedestrians: frame, track and how many columns the mask fills."""
    lines = []
    for frame, track_id, columns in rows:
        mask = np.zeros(hw, np.bool_)
        mask[:, :columns] = True
        lines.append(f"{frame} {track_id} 2 {hw[0]} {hw[1]} {encode(mask).decode()}\n")
    path.write_text("".join(lines))
    return path


def evaluate(folder: Path, *more: str) -> int:
    arguments = [str(folder / "o.mots.txt"), "--truth", str(folder / "gt.txt"), *more]
    return main(["eval", "results", *arguments])


@pytest.mark.parametrize("first", [0, 1])
def test_masks_and_tracks_are_scored(
    tmp_path: Path, first: int, capsys: pytest.CaptureFixture[str]
) -> None:
    text(tmp_path / "gt.txt", *((first + n, 2001, 20) for n in range(4)))
    text(tmp_path / "o.mots.txt", (first + 1, 8, 20), (first + 2, 9, 10 + 6))
    assert evaluate(tmp_path, "--json", str(tmp_path / "o.json")) == 0
    scores = json.loads((tmp_path / "o.json").read_text())["segm"]
    tracks = scores["mask_tracking"]["person"]
    assert tracks["smotsa"] == pytest.approx((1 + 0.8 - 1) / 4)
    assert (tracks["switches"], tracks["misses"]) == (1, 2)
    assert "sMOTSA" in capsys.readouterr().out


def test_files_that_do_not_fit_are_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text(tmp_path / "gt.txt", (1, 2001, 20))
    text(tmp_path / "o.mots.txt", (0, 1, 20))
    assert evaluate(tmp_path) == 2
    assert "counts frames from 0" in capsys.readouterr().err
    text(tmp_path / "o.mots.txt", (1, 1, 20), hw=(40, 50))
    assert evaluate(tmp_path) == 2
    assert "its masks are for 50 x 40 pixels, the truth's 60 x 40" in capsys.readouterr().err
    (tmp_path / "o.mots.txt").write_text("1,1,1,1,9,9,1\n")
    assert evaluate(tmp_path) == 2
    assert "MOTS's against MOTS's, by --type segm" in capsys.readouterr().err
