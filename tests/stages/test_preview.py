"""Frames for those who look: written only then, at most ten a second, the newest kept."""

from __future__ import annotations

import os
import time
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from streamdet.frame import Frame
from streamdet.image import ArrayImage
from streamdet.stages import preview
from streamdet.stages.preview import KEPT, PreviewFolder, PreviewTap, small_jpeg

HW = (1081, 1921)


def frame(index: int) -> Frame:
    return Frame("gate/\n../é", index, index, Fraction(1, 10), 1, HW, 1, None)


@pytest.fixture
def folder(tmp_path: Path) -> PreviewFolder:
    return PreviewFolder(tmp_path, "gate/\n../é")


def test_nothing_is_written_while_nobody_looks(tmp_path: Path, folder: PreviewFolder) -> None:
    PreviewTap(tmp_path).offer(frame(0), ArrayImage(np.zeros((*HW, 3), np.uint8)))
    assert folder.frames() == []
    assert list(tmp_path.iterdir()) == []


def test_who_looks_gets_the_frames_that_follow(tmp_path: Path, folder: PreviewFolder) -> None:
    folder.want()
    tap = PreviewTap(tmp_path)
    tap.offer(frame(7), ArrayImage(np.full((*HW, 3), 200, np.uint8)))
    tap.offer(frame(8), ArrayImage(np.zeros((*HW, 3), np.uint8)))  # too soon after the one before
    ((index, path),) = folder.frames()
    assert index == 7
    image = cv2.imread(str(path))
    assert image is not None
    assert image.shape == (540, 960, 3)
    assert abs(int(image.mean()) - 200) < 3


def test_a_viewer_that_has_gone_is_forgotten(folder: PreviewFolder) -> None:
    folder.want()
    assert folder.is_wanted()
    (wanted,) = folder._path.iterdir()
    long_ago_s = time.time() - preview.WANTED_S - 1
    os.utime(wanted, (long_ago_s, long_ago_s))
    assert not folder.is_wanted()


def test_only_the_newest_frames_stay(folder: PreviewFolder) -> None:
    folder.want()
    for index in range(KEPT + 5):
        folder.add(index, b"jpeg")
    assert [index for index, _ in folder.frames()] == list(range(KEPT + 4, 4, -1))


def test_a_small_image_keeps_its_size_but_for_even_sides() -> None:
    jpeg = small_jpeg(ArrayImage(np.zeros((33, 64, 3), np.uint8)))
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert image.shape == (32, 64, 3)


def test_a_run_that_is_over_is_no_error_for_the_source(
    tmp_path: Path, folder: PreviewFolder
) -> None:
    folder.want()
    tap = PreviewTap(tmp_path)
    for path in [*folder._path.iterdir(), folder._path]:
        path.unlink() if path.is_file() else path.rmdir()
    tap.offer(frame(0), ArrayImage(np.zeros((*HW, 3), np.uint8)))
    assert folder.frames() == []
