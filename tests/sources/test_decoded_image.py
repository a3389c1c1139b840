"""Frames as they come from the decoder."""

import gc
from collections.abc import Iterator

import av
import numpy as np
import pytest

from streamdet.sources.decoded_image import DecodedImage, FrameConverter


@pytest.fixture
def _without_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_without_collection")
def test_a_frame_that_nobody_holds_is_gone_without_a_collection() -> None:
    frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="bgr24")
    assert DecodedImage(frame, FrameConverter()).hw == (16, 16)
    del frame
    assert not [held for held in gc.get_objects() if type(held).__name__ == "SideDataContainer"]
