"""streamdet: a streaming video detection pipeline.

detector = streamdet.load("people")                    # detector(images) -> list[Detections]
for frame in streamdet.stream("street.mp4"): ...       # the frames of a run, each once
report = streamdet.run("people", sources=["a.mp4"])    # a whole run, as `streamdet run`
for message in streamdet.read(group="alerts"): ...     # what runs publish, shared by consumers

See README.md and docs/python.md. Importing this loads none of the libraries behind it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from streamdet.api import LoadedDetector, load, read, run, stream
    from streamdet.detections import Detections
    from streamdet.errors import ConfigError, EngineError, SourceError, StreamdetError
    from streamdet.formats.published import PublishedMessage
    from streamdet.run.frame_stream import FrameStream, StreamFrame
    from streamdet.run.report import Report

__version__ = "0.1.0"

__all__ = [
    "ConfigError",
    "Detections",
    "EngineError",
    "FrameStream",
    "LoadedDetector",
    "PublishedMessage",
    "Report",
    "SourceError",
    "StreamFrame",
    "StreamdetError",
    "load",
    "read",
    "run",
    "stream",
]

_HOMES = {
    "ConfigError": "streamdet.errors",
    "Detections": "streamdet.detections",
    "EngineError": "streamdet.errors",
    "FrameStream": "streamdet.run.frame_stream",
    "LoadedDetector": "streamdet.api",
    "PublishedMessage": "streamdet.formats.published",
    "Report": "streamdet.run.report",
    "SourceError": "streamdet.errors",
    "StreamFrame": "streamdet.run.frame_stream",
    "StreamdetError": "streamdet.errors",
    "load": "streamdet.api",
    "read": "streamdet.api",
    "stream": "streamdet.api",
}


if not TYPE_CHECKING:  # a checker would take every name for one of ours

    def __getattr__(name: str) -> object:
        """Import a public name when it is first used."""
        from importlib import import_module

        if name == "run":  # the package of that name; calling it runs a graph (see its docstring)
            return import_module("streamdet.run")
        if name not in _HOMES:
            raise AttributeError(f"module 'streamdet' has no attribute {name!r}")
        value: object = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted({*globals(), *__all__})
