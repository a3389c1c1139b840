"""The source of rendered scenes."""

from __future__ import annotations

import time

from streamdet.sources import Position
from streamdet.sources.sampling import SamplingOptions
from streamdet.sources.synthetic import SyntheticSource

SCENE = "synthetic:street?frames=4&fps=20&hw=64x64"


def test_a_scene_in_real_time_comes_no_faster_than_its_rate_and_is_the_same() -> None:
    quick = SyntheticSource(SCENE, SamplingOptions())
    paced = SyntheticSource(f"{SCENE}&realtime=1", SamplingOptions())
    begun_s = time.monotonic()
    frames = list(paced.frames(Position()))
    assert time.monotonic() - begun_s >= 3 / 20
    assert [frame.pts for frame in frames] == [frame.pts for frame in quick.frames(Position())]
