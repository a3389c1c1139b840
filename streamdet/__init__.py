"""streamdet: a streaming video detection pipeline. See README.md."""

__version__ = "0.1.0"
