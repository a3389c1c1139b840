"""The loop that a user would write instead: one process, one frame after the other.

PyAV, OpenCV, ONNX Runtime with its defaults, a tracker, XADD. The work is that of
pipelines/people.yaml with YOLOX-nano:

    python -m streamdet.bench.plain_loop VIDEO WEIGHTS REDIS_URL STREAM
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime
import redis

from streamdet.detections import Detections
from streamdet.trackers.byte_track import ByteTrack

SIDE = 416
PERSON = 0
SCORE_THRESH = 0.3
IOU_THRESH = 0.45
Floats = npt.NDArray[np.float32]


def main(arguments: Sequence[str]) -> None:
    """Detect and track the people of a video and publish them, an entry per frame."""
    video, weights, url, stream = arguments
    session = onnxruntime.InferenceSession(Path(weights), providers=["CPUExecutionProvider"])
    client = redis.Redis.from_url(url)
    tracker = ByteTrack(ByteTrack.Options())
    cells, strides = _grid()
    with av.open(video) as container:
        for number, frame in enumerate(container.decode(video=0)):
            image = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
            planes, ratio = _letterbox(image)
            output = session.run(None, {"images": planes})[0][0]
            tracked = tracker.update(_people(output, cells, strides, ratio))
            entry = json.dumps({"frame_id": number, "objects": _objects(tracked)})
            client.xadd(stream, {"metadata": entry}, maxlen=10_000, approximate=True)


def _letterbox(image: npt.NDArray[np.uint8]) -> tuple[Floats, float]:
    """Resize into the upper left corner; returns the network's input and the ratio."""
    height, width = image.shape[:2]
    ratio = min(SIDE / height, SIDE / width)
    hw = int(height * ratio), int(width * ratio)
    padded = np.full((SIDE, SIDE, 3), 114, np.uint8)
    padded[: hw[0], : hw[1]] = cv2.resize(image, hw[::-1])
    return padded.transpose(2, 0, 1)[None].astype(np.float32), ratio


def _grid() -> tuple[Floats, Floats]:
    """Column, row (A, 2) and stride (A, 1) of the network's cells."""
    cells, strides = [], []
    for stride in (8, 16, 32):
        side = SIDE // stride
        cells += [(x, y) for y in range(side) for x in range(side)]
        strides += [stride] * side * side
    return np.array(cells, np.float32), np.array(strides, np.float32)[:, None]


def _people(output: Floats, cells: Floats, strides: Floats, ratio: float) -> Detections:
    """Decode the network's (A, 85) output into people in source pixels."""
    rows = np.flatnonzero(output[:, 4] >= SCORE_THRESH)
    output, cells, strides = output[rows], cells[rows], strides[rows]
    scores = output[:, 4] * output[:, 5:].max(axis=1)
    is_person = (output[:, 5:].argmax(axis=1) == PERSON) & (scores >= SCORE_THRESH)
    output, cells, strides = output[is_person], cells[is_person], strides[is_person]
    sizes = np.exp(output[:, 2:4]) * strides
    corners = (output[:, :2] + cells) * strides - sizes / 2
    xywh, scores = np.concatenate([corners, sizes], axis=1) / ratio, scores[is_person]
    kept = list(cv2.dnn.NMSBoxes(xywh.tolist(), scores.tolist(), SCORE_THRESH, IOU_THRESH))
    xyxy = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)
    return Detections(xyxy[kept], scores[kept], np.zeros(len(kept), np.int64))


def _objects(tracked: Detections) -> list[dict[str, object]]:
    assert tracked.track_ids is not None
    rows = zip(
        tracked.track_ids.tolist(), tracked.xyxy.tolist(), tracked.scores.tolist(), strict=True
    )
    return [{"id": id_, "bbox": bbox, "confidence": score} for id_, bbox, score in rows]


if __name__ == "__main__":
    main(sys.argv[1:])
