"""A captured graph does on the emulated device what was told to the stream, as often as asked."""

from __future__ import annotations

import numpy as np
import pytest

from streamdet.errors import EngineError
from streamdet.kernels.graph import CapturedGraph
from streamdet.kernels.launch import DeviceArray
from streamdet.kernels.nms import Candidates, Kept, take
from streamdet.transport.cuda_device import CudaDevice


def put(gpu: CudaDevice, array: DeviceArray, value: float) -> None:
    gpu.upload(lambda room: room.fill(value), array)


def test_a_graph_computes_anew_from_what_lies_there(emulated_gpu: CudaDevice) -> None:
    gpu = emulated_gpu
    given, taken = (
        Candidates(
            gpu.array((1, 2, 4), np.float32),
            gpu.array((1, 2), np.float32),
            gpu.array((1, 2), np.int64),
        )
        for _ in range(2)
    )
    kept = Kept(gpu.array((1, 2), np.int64), gpu.array((1,), np.int64))
    values = ((given.xyxy, 3), (given.class_ids, 5), (kept.indices, 1), (kept.counts, 2))
    for array, value in values:
        put(gpu, array, value)
    put(gpu, taken.scores, 0)
    gpu.run("nms", take(given, kept, taken))  # loads the kernels, which a capture must not
    graph = CapturedGraph(gpu.stream_address, lambda: gpu.run("nms", take(given, kept, taken)))
    for score in (0.25, 0.75):
        put(gpu, given.scores, score)
        graph.launch()
        assert gpu.download(taken.scores).tolist() == [[score, score]]


def test_nothing_is_done_while_it_is_captured(emulated_gpu: CudaDevice) -> None:
    array = emulated_gpu.array((1,), np.float32)
    put(emulated_gpu, array, 1)
    told: list[int] = []
    graph = CapturedGraph(emulated_gpu.stream_address, lambda: told.append(1))
    graph.launch()
    graph.launch()
    assert told == [1]
    assert emulated_gpu.download(array).tolist() == [1]


def test_work_that_waits_cannot_be_captured(emulated_gpu: CudaDevice) -> None:
    array = emulated_gpu.array((1,), np.float32)

    def wait() -> None:
        try:
            emulated_gpu.synchronize()
        except Exception as exc:
            raise EngineError(str(exc)) from exc

    with pytest.raises(EngineError, match="cuda:0 failed"):
        CapturedGraph(emulated_gpu.stream_address, wait)
    put(emulated_gpu, array, 2)  # the stream captures no more
    assert emulated_gpu.download(array).tolist() == [2]
