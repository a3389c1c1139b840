"""Opens media files so that nothing but the file itself is ever read.

Note on safety. FFmpeg gets an open file, never a name: no protocol (concat:, subfile:, http:) and
no name pattern can be reached. Playlists and descriptions, which make a demuxer open other
files, are refused twice: text by its first bytes, with our own error, the rest because only the
demuxers of `_FORMATS` may run. Pipes and devices are refused on the descriptor, so nothing can
change between check and use, and opening them does not block; where a file lies is asked of the
descriptor, too. Decoders refuse images beyond max_pixels.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import IO, TYPE_CHECKING

from streamdet.errors import SourceError
from streamdet.sources.bounded_file import BoundedFile
from streamdet.sources.file_limits import (
    probe_bytes,
    refuse_long_beginning,
    refuse_outside,
    refuse_streams,
)

if TYPE_CHECKING:
    from av.container import InputContainer

_FORMATS = ",".join(
    [
        "mov,matroska,avi,flv,mpegts,mpeg,mpegvideo,asf,ogg,mxf,nut,ivf,dv,rm,wtv,gxf,lxf,nsv,nuv,pva,ty",
        "h264,hevc,vvc,obu,av1,m4v,h263,h261,mjpeg,mjpeg_2000,vc1,vc1test,cavsvideo,avs2,avs3,dirac,evc",
        "yuv4mpegpipe,gif,apng,dhav,amv,smk,bink,film_cpk,roq,idcin,flic,4xm,swf,webp,jpegxl_anim",
        "png_pipe,jpeg_pipe,bmp_pipe,webp_pipe,tiff_pipe,ppm_pipe,pgm_pipe,pbm_pipe,pam_pipe,j2k_pipe",
        "wav,mp3,aac,flac,ac3,eac3,amr,aiff,au,caf,w64,dts,ac4",
    ]
)
"""Demuxers that read one file and nothing else; also audio, which then has "no video stream"."""

_SNIFFED_BYTES = 4096
_TEXT_CONTROLS = frozenset(b"\t\n\v\f\r\x1b")
_VIDEO_IN_TEXT = (b"YUV4MPEG2 ", b"P1", b"P2", b"P3")


def open_plain_file(path: Path) -> IO[bytes]:
    """Open a plain file for reading, unbuffered.

    Raises:
        SourceError: it does not exist, cannot be read, is a folder, a pipe or a device, or lies
            where this process may not read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as exc:
        raise SourceError(f"{path}: cannot be opened ({exc.strerror})") from exc
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise SourceError(f"{path}: is not a plain file")
        refuse_outside(descriptor, path)
    except SourceError:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb", buffering=0)


def read_at(file: IO[bytes], count: int, at: int) -> bytes:
    """Read bytes of a file from a place on, fewer only at its end; the file's position stays."""
    place = file.tell()
    file.seek(at)
    data = b""
    while len(data) < count and (some := file.read(count - len(data))):
        data += some
    file.seek(place)
    return data


def open_media(file: IO[bytes], path: object, max_pixels: int) -> InputContainer:
    """Open a media file as a container; closing it leaves `file` open.

    Args:
        file: what `open_plain_file` returned, or an object of a store.
        path: its name, for messages.
        max_pixels: images with more pixels are not decoded.

    Raises:
        SourceError: it is empty, a text, or not a media file that FFmpeg can read.
    """
    import av

    try:
        head = file.read(_SNIFFED_BYTES)
        file.seek(0)
    except OSError as exc:
        raise SourceError(f"{path}: unsupported or corrupt ({reason(exc)})") from exc
    _refuse_text(head, path)
    av.logging.set_level(None)
    options = {
        "format_whitelist": _FORMATS,
        "protocol_whitelist": "none",
        "max_pixels": str(max_pixels),
    }
    bounded = BoundedFile(file, probe_bytes())
    try:
        container = av.open(bounded, "r", options=options)
    except (av.FFmpegError, OSError, ValueError, IndexError, AttributeError) as exc:
        refuse_long_beginning(bounded, path)
        raise SourceError(f"{path}: unsupported or corrupt ({reason(exc)})") from exc
    try:
        refuse_long_beginning(bounded, path)
        refuse_streams(container, path)
    except SourceError:
        container.close()
        raise
    bounded.end_limit()
    return container


def reason(exc: Exception) -> str:
    """Say why FFmpeg failed; its own text has addresses, and advice for its developers."""
    import av

    if isinstance(exc, av.EOFError):
        return "it ends too early"
    if isinstance(exc, av.PatchWelcomeError):
        return "FFmpeg does not know this variant of the format"
    if isinstance(exc, MemoryError):
        return "there is not enough memory"
    if isinstance(exc, OSError) and exc.errno == errno.EIO:
        return "the disk cannot be read"
    return "its data is invalid"


def _refuse_text(head: bytes, path: object) -> None:
    if not head:
        raise SourceError(f"{path}: unsupported or corrupt (the file is empty)")
    if head.startswith(_VIDEO_IN_TEXT) or any(b < 32 and b not in _TEXT_CONTROLS for b in head):
        return
    if len(head) > 1 and _is_utf8(head):
        kind = "a playlist" if head.startswith(b"#EXTM3U") else "text"
        raise SourceError(f"{path}: unsupported or corrupt (it is {kind}, not video)")


def _is_utf8(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError as exc:
        return exc.end >= len(head) - 3 and len(head) == _SNIFFED_BYTES
    return True
