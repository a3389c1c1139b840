"""Proposals from a file: a frame gets its own boxes, whichever came before it."""

from pathlib import Path

import numpy as np
import pytest

from streamdet.detectors.proposals.file import FileProposals
from streamdet.errors import ConfigError

IMAGE = np.zeros((50, 60, 3), np.uint8)
TEXT = """\
1,-1,11,21,10,10,0.2,-1,-1,-1
1,-1,1,1,5,6,0.9,-1,-1,-1
3,-1,41,1,100,8,0.5,-1,-1,-1
"""


@pytest.fixture
def proposals(tmp_path: Path) -> FileProposals:
    path = tmp_path / "boxes.txt"
    path.write_text(TEXT)
    return FileProposals(path)


def test_images_get_their_frames_by_falling_score(proposals: FileProposals) -> None:
    assert proposals(IMAGE, 10, 2).tolist() == [[40, 0, 60, 8]]  # clipped
    assert proposals(IMAGE, 10, 0).tolist() == [[0, 0, 5, 6], [10, 20, 20, 30]]
    assert proposals(IMAGE, 10, 1).tolist() == []  # frame 2
    assert proposals(IMAGE, 10, 3).tolist() == []  # after the last frame


def test_the_best_come_first_where_too_many_are_stated(proposals: FileProposals) -> None:
    assert proposals(IMAGE, 1, 0).tolist() == [[0, 0, 5, 6]]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none.txt: cannot be read"):
        FileProposals(tmp_path / "none.txt")
