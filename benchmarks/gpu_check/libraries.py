"""NVDEC and TensorRT on this machine: what they do, or why they do not."""

from __future__ import annotations

import importlib
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np

_CUDA_OF_DLPACK: Final = 2
_REASONS: Final = (OSError, ValueError, RuntimeError, AttributeError, TypeError, LookupError)
"""What a PyAV without NVDEC, or an older one, raises beside FFmpeg's own errors."""


def nvdec() -> str:
    """Whether PyAV decodes H.264 into memory of the GPU, without a copy; else the reason."""
    try:
        import av
    except ImportError as exc:
        return f"not tried: PyAV is missing ({exc})"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trial.mp4"
        try:
            _write_video(path)
            return _decode(path)
        except (av.FFmpegError, *_REASONS) as exc:
            return f"no: {type(exc).__name__}: {exc}"


def _write_video(path: Path) -> None:
    import av

    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=Fraction(25))
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for level in range(10):
            pixels = np.full((240, 320, 3), level * 20, np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="bgr24")))
        output.mux(stream.encode(None))


def _decode(path: Path) -> str:
    import av
    from av.codec.hwaccel import HWAccel

    hardware = HWAccel("cuda", device=0, is_hw_owned=True, allow_software_fallback=False)
    with av.open(str(path), hwaccel=hardware) as source:
        frames = list(source.decode(video=0))
    kind, index = frames[0].planes[0].__dlpack_device__()
    where = f"memory of GPU {index}" if int(kind) == _CUDA_OF_DLPACK else f"DLPack device {kind}"
    return f"{len(frames)} of 10 frames decoded, {frames[0].format.name}, planes in {where}"


def tensorrt() -> str:
    """Which TensorRT can be imported; else the reason."""
    reasons = []
    for name in ("tensorrt", "tensorrt_rtx"):
        try:
            return f"{name} {importlib.import_module(name).__version__} can be imported"
        except (ImportError, OSError, RuntimeError) as exc:
            reasons.append(str(exc))
    return "not tried: " + "; ".join(reasons)
