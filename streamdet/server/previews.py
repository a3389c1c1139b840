"""Frames with what was found in them, for those who look: drawn once, however many look."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from fastapi.concurrency import run_in_threadpool

from streamdet.detections import NO_PARENT, UNTRACKED, Detections
from streamdet.errors import StreamdetError
from streamdet.formats.published import PublishedMessage
from streamdet.sinks.drawing import Trails, draw_detections, draw_notice
from streamdet.sinks.yuv_image import YuvImage
from streamdet.stages.preview import PreviewFolder
from streamdet.transport.tailing import PublicMessage

FOLLOW_S: Final = 5.0
"""How long results are read on after somebody has looked."""
KEPT: Final = 512
"""Results of one source that may wait for their frame."""
LOOK_EVERY_S: Final = 0.04
"""How often the folder of a source is looked into, however many look at the source."""
_PAUSE_S: Final = 0.1
_QUALITY: Final = 80


@dataclass(frozen=True, slots=True)
class Preview:
    """A frame to look at.

    Attributes:
        index: the frame's place in its source.
        jpeg: with what was found in it.
        source_hw: height and width of the source's frame, pixels.
    """

    index: int
    jpeg: bytes
    source_hw: tuple[int, int]


class RecentResults:
    """The newest messages of a stream by source and frame, read only while somebody looks.

    Args:
        follow: yields the messages that are added from now on, and None at times.
    """

    def __init__(self, follow: Callable[[], Any]) -> None:
        self._follow = follow
        self._messages: dict[str, OrderedDict[int, PublishedMessage]] = defaultdict(OrderedDict)
        self._wanted_until_s = 0.0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._read, name="results", daemon=True)
        self._thread.start()

    def want(self) -> None:
        """Read for the next `FOLLOW_S`."""
        self._wanted_until_s = time.monotonic() + FOLLOW_S

    def get(self, source_id: str, index: int) -> PublishedMessage | None:
        """What was found in a frame; None if that has not come."""
        messages = self._messages.get(source_id)
        return None if messages is None else messages.get(index)

    def close(self) -> None:
        """Stop reading."""
        self._is_over.set()
        self._thread.join(timeout=5)

    def _read(self) -> None:
        while not self._is_over.is_set():
            if time.monotonic() < self._wanted_until_s:
                with suppress(StreamdetError):
                    self._read_while_wanted()
            self._is_over.wait(_PAUSE_S)

    def _read_while_wanted(self) -> None:
        for entry in self._follow():
            if entry is not None:
                self._keep(entry)
            if self._is_over.is_set() or time.monotonic() > self._wanted_until_s:
                return

    def _keep(self, entry: PublicMessage) -> None:
        message = PublishedMessage.of_fields(entry.id, entry.fields)
        if message.body.get("schema") != "streamdet/1":
            return
        messages = self._messages[message.source_id]
        messages[message.frame_id] = message
        while len(messages) > KEPT:
            messages.popitem(last=False)


@dataclass(slots=True)
class _Looked:
    """The preview of one source as last drawn.

    Attributes:
        folder: has its frames.
        newest: the last one that was drawn since somebody looks.
        old: frames up to this index are there since somebody looked before.
        trails: where its tracks were.
        due_s: when to look into the folder again.
        is_drawing: whether that is being done.
    """

    folder: PreviewFolder
    newest: Preview | None = None
    old: int = -1
    trails: Trails = field(default_factory=Trails)
    due_s: float = 0.0
    is_drawing: bool = False


class Previews:
    """Draws the newest frame of a source that is looked at.

    Args:
        run_folder: of the run.
        results: what was found.
    """

    def __init__(self, run_folder: Path, results: RecentResults) -> None:
        self._run_folder = run_folder
        self._results = results
        self._looked: dict[str, _Looked] = {}

    async def newest(self, source_id: str) -> Preview | None:
        """Return the newest frame whose result has come; None while there is none.

        Asking is what has frames written: the first call finds none. Of all who look at a source
        one at a time draws, every `LOOK_EVERY_S`; the others get at once what was drawn last.
        """
        looked, now_s = self._of(source_id), time.monotonic()
        if now_s > looked.due_s + FOLLOW_S:
            looked.newest = None
            looked.old = max((index for index, _ in looked.folder.frames()), default=-1)
        if not looked.is_drawing and now_s >= looked.due_s:
            looked.is_drawing, looked.due_s = True, now_s + LOOK_EVERY_S
            try:
                await run_in_threadpool(self._look, source_id, looked)
            finally:
                looked.is_drawing = False
        return looked.newest

    def _of(self, source_id: str) -> _Looked:
        looked = self._looked.get(source_id)
        if looked is None:
            looked = self._looked[source_id] = _Looked(PreviewFolder(self._run_folder, source_id))
        return looked

    def _look(self, source_id: str, looked: _Looked) -> None:
        """Ask for frames, and draw the newest that has its result, unless it was drawn before."""
        self._results.want()
        with suppress(OSError):
            looked.folder.want()
        self._draw(source_id, looked)

    def _draw(self, source_id: str, looked: _Looked) -> None:
        drawn = looked.old if looked.newest is None else looked.newest.index
        for index, path in looked.folder.frames():
            if index <= drawn:
                return
            message = self._results.get(source_id, index)
            if message is not None:
                with suppress(OSError):  # it has just been removed: the next one will be there
                    jpeg = drawn_jpeg(path.read_bytes(), message, looked.trails)
                    hw = message["height"], message["width"]
                    looked.newest = Preview(index, jpeg, hw)
                return


def drawn_jpeg(jpeg: bytes, message: PublishedMessage, trails: Trails) -> bytes:
    """Draw what was found into a frame.

    Args:
        jpeg: the frame, of any size with even sides.
        message: what was found, in source pixels.
        trails: where the tracks were, in the pixels of the frame.
    """
    import cv2

    image: Any = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    i420: Any = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)
    yuv = YuvImage.of_i420(i420)
    found, labels = objects_in(message, yuv.hw)
    trails.update(found)
    draw_detections(yuv, found, labels, trails)
    if message.dropped is not None:
        draw_notice(yuv, f"dropped: {message.dropped}")
    drawn = cv2.cvtColor(i420, cv2.COLOR_YUV2BGR_I420)
    _, out = cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return bytes(out.tobytes())


def objects_in(message: PublishedMessage, hw: tuple[int, int]) -> tuple[Detections, list[str]]:
    """Read the objects of a message, in the pixels of an image of its frame, with their labels."""
    objects = message.objects
    scale = np.array([hw[1] / max(1, message["width"]), hw[0] / max(1, message["height"])])
    boxes = np.array([item["bbox"] for item in objects], np.float32).reshape(-1, 4)
    found = Detections(
        xyxy=(boxes * np.tile(scale, 2)).astype(np.float32),
        scores=np.array([item["confidence"] for item in objects], np.float32),
        class_ids=np.array([item["class_id"] for item in objects], np.int64),
        track_ids=_track_ids(objects),
        keypoints=_keypoints(objects, scale),
        parents=np.array([item.get("parent", NO_PARENT) for item in objects], np.int64),
    )
    return found, [item["label"] for item in objects]


def _track_ids(objects: list[dict[str, Any]]) -> npt.NDArray[np.int64] | None:
    ids = [item["id"] for item in objects]
    if all(each is None for each in ids):
        return None
    return np.array([UNTRACKED if each is None else each for each in ids], np.int64)


def _keypoints(
    objects: list[Mapping[str, Any]] | list[dict[str, Any]], scale: npt.NDArray[np.float64]
) -> npt.NDArray[np.float32] | None:
    if len({len(item.get("keypoints", ())) for item in objects}) != 1:
        return None  # those of several models
    if "keypoints" not in objects[0]:
        return None
    points = np.array([item["keypoints"] for item in objects], np.float32)
    points[..., :2] *= scale.astype(np.float32)
    return points
