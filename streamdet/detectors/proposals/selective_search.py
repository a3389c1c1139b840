"""Selective search: Uijlings et al., "Selective Search for Object Recognition", IJCV 2013.

Superpixels are merged by likeness, and every region on the way up is proposed. OpenCV has it among
its contrib modules ("fast" there: one colour space and two ways to measure likeness). It takes a
second or more an image.
"""

from __future__ import annotations

import ctypes
from typing import Any, Final

import numpy as np

from streamdet.detectors.parts.opencv import import_opencv
from streamdet.detectors.proposals import Boxes, inside
from streamdet.errors import EngineError
from streamdet.image import Pixels

_libc: Final = ctypes.CDLL(None)
_MIN_SIDE = 2  # pixels; OpenCV's segmentation wants a neighbour for every pixel


class SelectiveSearch:
    """Proposes what OpenCV's fast mode finds, the same boxes each time; see `Proposer`."""

    def __init__(self) -> None:
        """Look for OpenCV's contrib modules.

        Raises:
            EngineError: they are missing.
        """
        self._cv2 = _opencv_contrib()
        self._search = self._cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()
        self.name = f"selective search (fast), opencv {self._cv2.__version__}"

    def __call__(self, image: Pixels, most: int, index: int = 0) -> Boxes:
        """Propose regions; the whole image where that is a single row or column of pixels."""
        hw = (image.shape[0], image.shape[1])
        if min(hw) < _MIN_SIDE:
            return np.array([[0, 0, hw[1], hw[0]]], dtype=np.float32)[:most]
        self._cv2.setRNGSeed(0)
        _libc.srand(0)  # the order of the regions is drawn with C's rand
        self._search.setBaseImage(np.ascontiguousarray(image))
        self._search.switchToSelectiveSearchFast()
        xywh = np.reshape(self._search.process(), (-1, 4)).astype(np.float32)
        return inside(np.concatenate((xywh[:, :2], xywh[:, :2] + xywh[:, 2:]), axis=1), hw, most)


def _opencv_contrib() -> Any:
    cv2 = import_opencv()
    if not hasattr(cv2, "ximgproc"):
        raise EngineError(
            "selective search wants OpenCV's contrib modules, which take the place of plain OpenCV:"
            " pip uninstall opencv-python-headless, then pip install"
            " 'opencv-contrib-python-headless<5'"
        )
    return cv2
