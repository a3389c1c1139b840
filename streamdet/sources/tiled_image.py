"""Decodes a HEIF image that is stored in tiles; FFmpeg has a stream for each tile."""

from __future__ import annotations

import math
from typing import IO, TYPE_CHECKING

import numpy as np

from streamdet.errors import SourceError
from streamdet.image import Pixels
from streamdet.sources.decoded_image import FrameConverter
from streamdet.sources.heif_grid import Grid, read_grid
from streamdet.sources.stream_choice import has_default, is_heif

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream


class TiledImage:
    """Takes the tiles' packets and gives one frame: the whole image, upright, once all are there.

    Attributes:
        streams: of the tiles.
        hw: height and width before it is turned.
    """

    def __init__(self, grid: Grid, streams: dict[int, VideoStream], max_pixels: int) -> None:
        """Take the grid and its streams, by item."""
        self.streams = tuple(streams.values())
        self.hw = grid.hw
        self._grid = grid
        self._tiles: dict[int, VideoFrame] = {}
        for stream in self.streams:
            stream.codec_context.options = {"max_pixels": str(max_pixels)}

    def decode(self, packet: Packet[VideoStream] | None) -> list[VideoFrame]:
        """Take a tile; None is the end, which alone gives a frame, or none if a tile is missing.

        Raises:
            FFmpegError: the tile is damaged.
        """
        if packet is None:
            is_complete = all(each in self._tiles for each in self._grid.tile_ids)
            return self._whole() if is_complete else []
        codec = packet.stream.codec_context
        for frame in [*codec.decode(packet), *codec.decode(None)]:
            self._tiles[packet.stream.id] = frame
        return []

    def _whole(self) -> list[VideoFrame]:
        """Put the tiles together; none overlap, and the last ones may reach over the edge."""
        from av import VideoFrame

        first = self._tiles[self._grid.tile_ids[0]]
        tile_hw, columns = (first.height, first.width), self._grid.columns
        rows = len(self._grid.tile_ids) // columns
        if rows * tile_hw[0] < self.hw[0] or columns * tile_hw[1] < self.hw[1]:
            return []
        pixels, converter = np.zeros((*self.hw, 3), np.uint8), FrameConverter()
        for place, item in enumerate(self._grid.tile_ids):
            top, left = place // columns * tile_hw[0], place % columns * tile_hw[1]
            room: Pixels = pixels[top : top + tile_hw[0], left : left + tile_hw[1]]
            room[...] = converter.to_bgr(self._tiles[item], tile_hw)[
                : room.shape[0], : room.shape[1]
            ]
        whole = VideoFrame.from_ndarray(np.ascontiguousarray(self._grid.upright(pixels)), "bgr24")
        whole.pts, whole.time_base = first.pts, first.time_base
        return [whole]


def find_tiles(
    container: InputContainer, file: IO[bytes], path: object, max_pixels: int
) -> TiledImage | None:
    """Return the main image if it is stored in tiles, all of which can be decoded.

    Raises:
        SourceError: it is larger than `max_pixels`.
    """
    if not is_heif(container) or has_default(container):
        return None
    grid = read_grid(file)
    by_item = {s.id: s for s in container.streams.video if s.codec_context is not None}
    if grid is None or any(item not in by_item for item in grid.tile_ids):
        return None
    if math.prod(grid.hw) > max_pixels:
        raise SourceError(
            f"{path}: its image of {grid.hw[1]}x{grid.hw[0]} has more pixels than max_pixels,"
            f" {max_pixels}"
        )
    return TiledImage(grid, {item: by_item[item] for item in grid.tile_ids}, max_pixels)
