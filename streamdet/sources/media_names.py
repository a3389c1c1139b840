"""What a file's name says: an image, something that is no media, its place among others."""

from __future__ import annotations

import re

IMAGES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".webp", ".tif", ".tiff"}
    | {".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".heic", ".heif", ".hif"}
)
NOT_MEDIA = frozenset(
    {".txt", ".md", ".rst", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".html", ".htm", ".pdf"}
    | {".yaml", ".yml", ".toml", ".ini", ".cfg", ".log", ".nfo", ".py", ".sh"}
    | {".srt", ".vtt", ".ass", ".sub", ".sha256", ".md5", ".part", ".tmp"}
    | {".zip", ".gz", ".tar", ".7z", ".npy", ".npz", ".onnx", ".pt", ".parquet"}
)


def is_image_name(name: str) -> bool:
    """Whether a file is an image, as its suffix says."""
    return _suffix(name) in IMAGES


def may_be_media(name: str) -> bool:
    """Whether a file of a folder is tried: it is not hidden, and its suffix may be a medium's."""
    return not name.startswith(".") and _suffix(name) not in NOT_MEDIA


def natural_key(path: object) -> list[tuple[int, str]]:
    """Sort numbers in paths as numbers: `2.png` before `10.png`."""
    parts = re.split(r"(\d+)", str(path))
    return [(int(part), "") if i % 2 else (0, part) for i, part in enumerate(parts)]


def _suffix(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return f".{suffix.lower()}" if stem and dot else ""
