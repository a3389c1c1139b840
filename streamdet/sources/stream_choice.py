"""Chooses the video stream of a file: never a cover, a thumbnail or a part of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamdet.errors import SourceError

if TYPE_CHECKING:
    from av.container import Container, InputContainer
    from av.video.stream import VideoStream

_HEIF: Final = frozenset({"mif1", "heic", "heix", "heim", "heis", "avif"})
"""Brands of still images in MP4's boxes (ISO/IEC 23008-12), where the main one is the default."""

_IMAGE_CODECS: Final = frozenset({"mjpeg", "png", "bmp", "gif", "webp", "tiff"})
"""Next to a stream of another codec, probably a cover that is not marked as one."""


def choose_video(container: InputContainer, path: object, max_pixels: int) -> VideoStream:
    """Choose the stream to read: the default one, else that with the largest images.

    Raises:
        SourceError: there is none, its codec is unknown, or it is larger than `max_pixels`.
    """
    stream = min(_candidates(container, path), key=_rank)
    codec = stream.codec_context
    if codec is None:
        raise SourceError(f"{path}: unsupported or corrupt (no decoder for its video)")
    if codec.width * codec.height > max_pixels:
        raise SourceError(
            f"{path}: its images of {codec.width}x{codec.height} have more pixels "
            f"than max_pixels, {max_pixels}"
        )
    codec.options = {"max_pixels": str(max_pixels)}
    return stream


def note_choice(chosen: VideoStream) -> str | None:
    """Say which stream was chosen of several; completes "PATH: ..."."""
    count = sum(map(_is_whole, chosen.container.streams.video))
    if count < 2 or is_heif(chosen.container):
        return None
    codec = chosen.codec_context
    which = f"stream {chosen.index} ({codec.name}, {codec.width}x{codec.height})"
    return f"of its {count} video streams only {which} is read"


def is_heif(container: Container) -> bool:
    """Whether it holds still images as HEIF does."""
    tags = container.metadata
    brands = tags.get("major_brand", "") + tags.get("compatible_brands", "")
    return any(brands[at : at + 4] in _HEIF for at in range(0, len(brands), 4))


def has_default(container: Container) -> bool:
    """Whether a video stream is marked as the default one; in HEIF that is the main image."""
    from av.stream import Disposition

    return any(stream.disposition & Disposition.default for stream in container.streams.video)


def _candidates(container: InputContainer, path: object) -> list[VideoStream]:
    whole = [stream for stream in container.streams.video if _is_whole(stream)]
    if is_heif(container) and not has_default(container):
        raise SourceError(
            f"{path}: its image is put together from parts in a way that cannot be read here:"
            " convert it to JPEG or PNG"
        )
    if not whole:
        only = ", only a cover image" if container.streams.video else ""
        raise SourceError(f"{path}: no video stream{only}")
    return whole


def _is_whole(stream: VideoStream) -> bool:
    from av.stream import Disposition

    parts = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.dependent
    return not stream.disposition & parts


def _rank(stream: VideoStream) -> tuple[bool, bool, bool, bool, int]:
    """Return a sort key, least for the stream to choose; the first stream wins a tie."""
    from av.stream import Disposition

    codec = stream.codec_context
    return (
        codec is None,
        stream.frames == 1,
        codec is not None and codec.name in _IMAGE_CODECS,
        not stream.disposition & Disposition.default,
        0 if codec is None else -codec.width * codec.height,
    )
