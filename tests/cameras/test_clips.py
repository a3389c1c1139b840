"""Clips of live cameras: each codec plays, from a keyframe on, without a gap."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from streamdet.sources.live import LiveOptions, LiveSource
from streamdet.transport.packet_ring import RingPlan, RingWriter, ring_folder
from tests.cameras.live_frames import number_of
from tests.cameras.rtsp_server import RtspServer
from tests.sinks.camera_packets import at_ns, seen
from tests.sinks.clip_run import ClipRun


@pytest.mark.parametrize("path", ["/h264", "/h265", "/mjpeg"])
def test_clips_of_each_codec_play_without_a_gap(
    rtsp_server: RtspServer, tmp_path: Path, path: str
) -> None:
    run = ClipRun(tmp_path, {"before_s": 1, "after_s": 1})
    ring = RingWriter(RingPlan(ring_folder(run.run_folder), 60, 2**30), "cam", run.warnings.append)
    connection = LiveSource(rtsp_server.url(path), LiveOptions()).connect(ring.add)
    started_s = time.monotonic()
    for _ in connection.frames():
        if time.monotonic() - started_s > 3:
            break
    connection.close()
    run.step([seen(started_s + 1.5 - at_ns(0) / 1e9)])
    run.finish()
    (clip,) = run.clips()
    shown = list(numbered_frames(clip))
    (camera, first), *_ = (number for number, _ in shown)
    # The last one may be an image whose B-frames came too late for the clip.
    assert [number for number, _ in shown[:-1]] == [
        (camera, first + place) for place in range(len(shown) - 1)
    ]
    assert len(shown) >= 20  # 2 s at 15 images a second, but for a start at the first keyframe
    times_s = [time_s for _, time_s in shown]
    assert times_s[0] == 0
    assert np.diff(times_s[:-1]) == pytest.approx(1 / 15, abs=0.02)


def numbered_frames(clip: Path) -> Iterator[tuple[tuple[int, int], float]]:
    """What the images of a clip carry, and when they are shown, seconds."""
    with av.open(str(clip)) as opened:
        for frame in opened.decode(video=0):
            assert frame.time is not None
            yield number_of(frame), frame.time
