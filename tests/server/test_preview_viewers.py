"""Previews are drawn once for all who look; what is old is not shown."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from streamdet.server.previews import LOOK_EVERY_S, Preview, Previews, RecentResults
from streamdet.stages.preview import PreviewFolder
from streamdet.transport.tailing import PublicMessage

LIMIT_S = 20.0


class Camera:
    """Writes frames as the process does that decodes a camera, and their results as the run."""

    def __init__(self, run_folder: Path) -> None:
        self.messages: list[PublicMessage] = []
        self.results = RecentResults(self._follow)
        self.previews = Previews(run_folder, self.results)
        self._folder = PreviewFolder(run_folder, "door")

    def _follow(self) -> Iterator[PublicMessage | None]:
        yield from self.messages
        time.sleep(0.01)
        yield None

    def show(self, index: int) -> None:
        self._folder.want()
        _, jpeg = cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))
        self._folder.add(index, jpeg.tobytes())
        body = {"schema": "streamdet/1", "source_id": "door", "frame_id": index}
        body |= {"height": 48, "width": 64, "objects": []}
        entry = PublicMessage(b"%d-0" % index, {"metadata": json.dumps(body).encode()})
        self.messages.append(entry)

    async def newest(self, index: int) -> Preview:
        deadline_s = time.monotonic() + LIMIT_S
        while True:
            preview = await self.previews.newest("door")
            if preview is not None and preview.index == index:
                return preview
            assert time.monotonic() < deadline_s
            await asyncio.sleep(LOOK_EVERY_S)


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[Camera]:
    made = Camera(tmp_path)
    yield made
    made.results.close()


def test_a_frame_is_drawn_once_for_all_who_look(camera: Camera) -> None:
    async def look() -> list[Preview]:
        assert await camera.previews.newest("door") is None
        camera.show(3)
        return list(await asyncio.gather(*(camera.newest(3) for _ in range(20))))

    found = asyncio.run(look())
    assert {id(preview) for preview in found} == {id(found[0])}


def test_who_stops_to_look_while_it_is_drawn_stops_nobody_else(camera: Camera) -> None:
    async def look() -> int:
        await camera.previews.newest("door")
        camera.show(3)
        await asyncio.sleep(LOOK_EVERY_S)
        gone = asyncio.create_task(camera.previews.newest("door"))
        await asyncio.sleep(0)
        gone.cancel()
        return (await camera.newest(3)).index

    assert asyncio.run(look()) == 3


def test_a_frame_of_when_somebody_looked_last_is_not_shown_again(
    camera: Camera, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look() -> Preview | None:
        await camera.previews.newest("door")
        camera.show(3)
        await camera.newest(3)
        now_s = time.monotonic()
        monkeypatch.setattr("time.monotonic", lambda: now_s + 3600)
        return await camera.previews.newest("door")

    assert asyncio.run(look()) is None
