"""A detector on a GPU, emulated, gets the prepared images where they lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from streamdet.detections import Detections
from streamdet.frame import Geometry
from streamdet.image import AnyPixels, DevicePixels
from streamdet.messages import PreparedImage
from streamdet.stages import Job
from streamdet.stages.detect import DetectStage
from streamdet.transport.cuda_device import CudaDevice
from tests.stages.toy_jobs import HW, Rig, boxes, grey, job


class Looking:
    """Keeps what it was shown."""

    runtime_name = "toy"

    def __init__(self) -> None:
        self.seen: list[AnyPixels] = []

    def __call__(self, images: Sequence[AnyPixels]) -> list[Detections]:
        self.seen += images
        return [boxes([[0, 0, 1, 2]]) for _ in images]


def prepared(image: AnyPixels) -> Job:
    one = job()
    message = replace(one.message, prepared=PreparedImage(HW, Geometry((1.0, 1.0)), None))
    return replace(one, message=message, prepared=image)


def on_gpu(gpu: CudaDevice) -> DevicePixels:
    there = gpu.private((*HW, 3), np.dtype(np.uint8))
    gpu.upload(lambda room: room.fill(7), there)
    return there


def test_a_detector_on_the_gpu_reads_the_image_there(emulated_gpu: CudaDevice) -> None:
    image, detector = on_gpu(emulated_gpu), Looking()
    DetectStage("toy", detector, Rig().pixels, device="cuda:0").process([prepared(image)])
    assert detector.seen == [image]


def test_a_detector_on_the_cpu_gets_a_copy_and_one_on_the_gpu_what_lies_on_the_cpu(
    emulated_gpu: CudaDevice,
) -> None:
    image, detector = on_gpu(emulated_gpu), Looking()
    rig = Rig()
    DetectStage("toy", detector, rig.pixels).process([prepared(image)])
    DetectStage("toy", detector, rig.pixels, device="cuda:0").process([prepared(grey(9))])
    copied, as_it_was = detector.seen
    assert isinstance(copied, np.ndarray)
    assert isinstance(as_it_was, np.ndarray)  # gpu/runtime.py uploads it
    assert (int(copied.max()), int(as_it_was.max())) == (7, 9)
    rig.pixels.device("cuda:0").close()
