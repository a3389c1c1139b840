"""OpenCV, when a detector needs it."""

from streamdet.system.opencv import import_opencv

__all__ = ["import_opencv"]
