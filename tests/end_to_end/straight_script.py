"""The same work as pipelines/people.yaml with yolox_nano, as a user would write it in one loop.

Nothing of streamdet is used but the tracker; decoding of boxes and suppression are written out
after the description of the weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime

from streamdet.detections import Detections
from streamdet.trackers import Tracker

SIDE = 416
PERSON = 0
SCORE_THRESH, IOU_THRESH = 0.3, 0.45  # of configs/models/yolox_nano.yaml
Floats = npt.NDArray[np.float32]


def detections(video: Path, weights: Path, *, every: int = 1) -> Iterator[Detections]:
    """People in every `every`-th frame of a video, in source pixels."""
    session = onnxruntime.InferenceSession(weights, providers=["CPUExecutionProvider"])
    cells, strides = _grid()
    with av.open(str(video)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % every:
                continue
            image = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
            padded, scale_xy = _letterbox(image)
            output = session.run(None, {"images": padded})[0][0]
            xyxy, scores = _people(output, cells, strides)
            kept = _nms(xyxy, scores)
            height, width = image.shape[:2]
            source = np.clip(xyxy[kept] / scale_xy, 0, [width, height, width, height])
            yield Detections(source, scores[kept], np.zeros(len(kept), np.int64))


def tracks(found: Iterator[Detections], tracker: Tracker) -> list[Detections]:
    """Give the objects of consecutive frames their ids."""
    return [tracker.update(one) for one in found]


def _letterbox(image: npt.NDArray[np.uint8]) -> tuple[Floats, Floats]:
    height, width = image.shape[:2]
    ratio = min(SIDE / height, SIDE / width)
    resized_hw = int(height * ratio), int(width * ratio)
    padded = np.full((SIDE, SIDE, 3), 114, np.uint8)
    padded[: resized_hw[0], : resized_hw[1]] = cv2.resize(image, resized_hw[::-1])
    scale_xy = np.array([resized_hw[1] / width, resized_hw[0] / height] * 2, np.float32)
    return padded.transpose(2, 0, 1)[None].astype(np.float32), scale_xy


def _grid() -> tuple[Floats, Floats]:
    cells, strides = [], []
    for stride in (8, 16, 32):
        side = SIDE // stride
        cells += [(x, y) for y in range(side) for x in range(side)]
        strides += [stride] * side * side
    return np.array(cells, np.float32), np.array(strides, np.float32)[:, None]


def _people(output: Floats, cells: Floats, strides: Floats) -> tuple[Floats, Floats]:
    centres = (output[:, :2] + cells) * strides
    sizes = np.exp(output[:, 2:4]) * strides
    xyxy = np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=1)
    scores = output[:, 4] * output[:, 5:].max(axis=1)
    is_person = (output[:, 5:].argmax(axis=1) == PERSON) & (scores >= SCORE_THRESH)
    return xyxy[is_person], scores[is_person]


def _nms(xyxy: Floats, scores: Floats) -> list[int]:
    kept: list[int] = []
    for row in np.argsort(-scores, kind="stable"):
        if all(_iou(xyxy[row], xyxy[other]) <= IOU_THRESH for other in kept):
            kept.append(int(row))
    return kept


def _iou(a: Floats, b: Floats) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = float(width * height)
    return shared / (_area(a) + _area(b) - shared)


def _area(box: Floats) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))
