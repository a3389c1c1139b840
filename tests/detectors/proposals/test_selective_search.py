"""Selective search: OpenCV's contrib modules behind the interface of proposals."""

import sys
from types import SimpleNamespace

import numpy as np
import numpy.typing as npt
import pytest

from streamdet.detectors.proposals.selective_search import SelectiveSearch
from streamdet.errors import EngineError


class Search:
    """Stands in for OpenCV's; proposes a box that leaves the image, one line and one inside."""

    def setBaseImage(self, image: npt.NDArray[np.uint8]) -> None:
        self.hw = image.shape[:2]

    def switchToSelectiveSearchFast(self) -> None:
        """There is nothing to switch."""

    def process(self) -> npt.NDArray[np.int32]:
        return np.array([[10, 5, 1000, 6], [3, 3, 0, 9], [1, 2, 3, 4]], dtype=np.int32)


@pytest.fixture
def _with_contrib(monkeypatch: pytest.MonkeyPatch) -> None:
    module = SimpleNamespace(createSelectiveSearchSegmentation=Search)
    cv2 = SimpleNamespace(
        __version__="4", ximgproc=SimpleNamespace(segmentation=module), setRNGSeed=lambda _: None
    )
    monkeypatch.setitem(sys.modules, "cv2", cv2)


@pytest.mark.usefixtures("_with_contrib")
def test_corners_and_sides_become_boxes_inside_the_image() -> None:
    image = np.zeros((20, 40, 3), np.uint8)
    assert SelectiveSearch()(image, 9).tolist() == [[10, 5, 40, 11], [1, 2, 4, 6]]
    assert SelectiveSearch()(image, 1).tolist() == [[10, 5, 40, 11]]


@pytest.mark.usefixtures("_with_contrib")
def test_a_line_of_pixels_is_one_region() -> None:
    assert SelectiveSearch()(np.zeros((1, 7, 3), np.uint8), 9).tolist() == [[0, 0, 7, 1]]


def test_plain_opencv_is_told_from_contrib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", SimpleNamespace(__version__="4"))
    with pytest.raises(EngineError, match="pip install 'opencv-contrib-python-headless<5'"):
        SelectiveSearch()


def test_real_contrib_modules_find_a_bright_square_each_time_alike() -> None:
    image = np.zeros((60, 80, 3), np.uint8)
    image[20:40, 30:50] = 255
    first, second = (SelectiveSearch()(image, 100) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert (np.abs(first - (30, 20, 50, 40)).max(axis=1) <= 2).any()
