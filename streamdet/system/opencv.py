"""OpenCV, when something needs it."""

from __future__ import annotations

from typing import Any

from streamdet.errors import EngineError, to_install


def import_opencv() -> Any:
    """Import OpenCV.

    Raises:
        EngineError: it is not installed.
    """
    try:
        import cv2
    except ImportError as exc:
        raise EngineError(f"opencv is not installed: {to_install('opencv')}") from exc
    return cv2
