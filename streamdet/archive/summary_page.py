"""Writes summary.html: one file without scripts, that needs no server and no network.

The totals, a table of all files, and for each of those with the most tracks or objects: counts over
time, a heatmap over one of its frames, and its tracks, each where it is seen best.
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

import numpy as np

from streamdet.archive.file_summary import GRID_HW, BestView, FileSummary, read_summary
from streamdet.archive.folder import SUMMARY, ArchiveFolder
from streamdet.archive.report import FileReport
from streamdet.archive.views import best_images, crop_jpeg, frame_jpeg, heat_png
from streamdet.errors import SourceError
from streamdet.sources.file import FileOptions
from streamdet.system.atomic_file import write_whole

_POINTS: Final = 200
"""Most points of a line of counts."""
_WIDTH: Final = 600
_HEIGHT: Final = 120
_COLOURS: Final = ("#0b6e99", "#c2571a", "#4d7c2a", "#8e3b8e", "#a08000", "#555555")

_STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.25rem .6rem;border-bottom:1px solid #ddd}
td.n,th.n{text-align:right} .failed{color:#a40000} .quiet{color:#666}
section{border-top:2px solid #1a1a1a;margin-top:2rem}
.row{display:flex;flex-wrap:wrap;gap:1.5rem;align-items:flex-start}
.heat{position:relative;width:460px;max-width:100%} .heat img{width:100%;display:block}
.heat img+img{position:absolute;inset:0;height:100%}
.tracks{display:flex;flex-wrap:wrap;gap:.6rem} .tracks figure{margin:0;font-size:12px}
.tracks img{height:120px;display:block} svg text{font-size:11px;fill:#666}
"""


@dataclass(frozen=True, slots=True)
class SummaryLimits:
    """How much the page shows.

    Attributes:
        files: files with a section of their own.
        tracks: tracks of each of these.
    """

    files: int = 30
    tracks: int = 40


def write_summary(
    folder: ArchiveFolder,
    reports: Sequence[FileReport],
    options: FileOptions,
    limits: SummaryLimits,
) -> int:
    """Write the page; returns how many files have a section.

    Args:
        folder: of the archive.
        reports: of all files.
        options: of the source that decoded them.
        limits: how much is shown.

    Raises:
        EngineError: it cannot be written.
    """
    done = [one for one in reports if one.row.state == "done"]
    most = sorted(done, key=lambda one: (-(one.value("tracks") or 0), -one.value("objects")))
    found = ((one, read_summary(folder.summary(one.row.source_id))) for one in most)
    shown = [(one, summary) for one, summary in found if summary is not None][: limits.files]
    sections = [_section(one, summary, options, limits) for one, summary in shown]
    page = "".join((_head(folder), _totals(reports), *sections, "</body></html>\n"))
    write_whole(folder.path / SUMMARY, page.encode(errors="backslashreplace"))
    return len(shown)


def _head(folder: ArchiveFolder) -> str:
    title = escape(folder.shown().rpartition("/")[2])
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{title}: streamdet archive</title><style>{_STYLE}</style></head>"
        f"<body><h1>{title}</h1>"
    )


def _totals(reports: Sequence[FileReport]) -> str:
    done = [one for one in reports if one.row.state == "done"]
    hours = sum(one.row.seconds or 0 for one in done) / 3600
    tracks = [one.value("tracks") for one in done if one.value("tracks") is not None]
    frames, objects = (sum(one.value(name) for one in done) for name in ("frames", "objects"))
    text = f"{len(done)} of {len(reports)} files done: {hours:.2f} h of video, {frames:,} frames"
    text += f", {objects:,} objects" + (f", {sum(tracks):,} tracks" if tracks else "")
    head = ("file", "state", "seconds", "frames", "objects", "tracks")
    cells = "".join(f"<th{_numeric(i)}>{name}</th>" for i, name in enumerate(head))
    rows = "".join(map(_row, reports))
    return f"<p>{text}.</p><table><tr>{cells}</tr>{rows}</table>"


def _row(one: FileReport) -> str:
    row, state = one.row, escape(one.row.state)
    if row.error is not None:
        state = f'<span class="failed">{state}: {escape(row.error)}</span>'
    seconds = "" if row.seconds is None else f"{row.seconds:.1f}"
    found = [one.value(name) for name in ("frames", "objects", "tracks")]
    cells = (escape(row.source_id), state, seconds, *("" if n is None else f"{n:,}" for n in found))
    return "<tr>" + "".join(f"<td{_numeric(i)}>{c}</td>" for i, c in enumerate(cells)) + "</tr>"


def _numeric(column: int) -> str:
    return ' class="n"' if column > 1 else ""


def _section(
    one: FileReport, summary: FileSummary, options: FileOptions, limits: SummaryLimits
) -> str:
    views = dict(sorted(summary.tracks.items(), key=lambda item: -item[1].frames)[: limits.tracks])
    crops: dict[int, bytes] = {}
    background = b""
    problem = ""
    try:
        for track_id, image in best_images(one.row.path, options, views):
            crops[track_id] = crop_jpeg(image, views[track_id])
            background = background or frame_jpeg(image)
    except SourceError as exc:
        problem = f'<p class="failed">no images: {escape(str(exc))}</p>'
    parts = (
        f"<section><h2>{escape(one.row.source_id)}</h2>",
        f'<p class="quiet">{escape(str(one.row.path))}</p>{problem}<div class="row">',
        _chart(summary),
        _heatmap(summary, background),
        "</div>",
        _sheet(crops, views, len(summary.tracks)),
        "</section>",
    )
    return "".join(parts)


def _chart(summary: FileSummary) -> str:
    """Draw how many objects are in a frame, on average, over the file's time."""
    seconds = max(summary.frames, default=0) + 1
    step = -(-seconds // _POINTS)
    frames = _binned(summary.frames, step, seconds)
    lines = {
        label: [n / max(1, f) for n, f in zip(_binned(c, step, seconds), frames, strict=True)]
        for label, c in sorted(summary.counts.items(), key=lambda item: -item[1].total())
    }
    top = max((max(values) for values in lines.values()), default=0.0) or 1.0
    drawn = "".join(
        _line(values, top, _COLOURS[i % len(_COLOURS)]) for i, values in enumerate(lines.values())
    )
    legend = "".join(
        f'<tspan fill="{_COLOURS[i % len(_COLOURS)]}"> {escape(label)} </tspan>'
        for i, label in enumerate(lines)
    )
    return (
        f'<svg viewBox="0 0 {_WIDTH + 50} {_HEIGHT + 40}" width="{_WIDTH - 20}" role="img"'
        ' aria-label="objects in a frame over time">'
        f'<text x="40" y="12">objects in a frame:{legend}</text>'
        f'<text x="0" y="30">{top:.1f}</text><text x="0" y="{_HEIGHT + 20}">0</text>'
        f'<path d="M40 {_HEIGHT + 20}h{_WIDTH}M40 20v{_HEIGHT}" stroke="#999" fill="none"/>'
        f'{drawn}<text x="40" y="{_HEIGHT + 36}">0 s</text>'
        f'<text x="{_WIDTH + 40}" y="{_HEIGHT + 36}" text-anchor="end">{seconds} s</text></svg>'
    )


def _binned(counts: Counter[int], step: int, seconds: int) -> list[int]:
    bins = [0] * -(-seconds // step)
    for second, count in counts.items():
        bins[second // step] += count
    return bins


def _line(values: Sequence[float], top: float, colour: str) -> str:
    width = _WIDTH / len(values)
    points = " ".join(_steps(values, top, width))
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>'


def _steps(values: Iterable[float], top: float, width: float) -> Iterator[str]:
    """Yield the corners of a line that is level over each step of time."""
    for i, value in enumerate(values):
        y = 20 + _HEIGHT * (1 - value / top)
        yield f"{40 + i * width:.1f},{y:.1f} {40 + (i + 1) * width:.1f},{y:.1f}"


def _heatmap(summary: FileSummary, background: bytes) -> str:
    heat = np.zeros(GRID_HW[0] * GRID_HW[1])
    for cell, count in summary.heat.items():
        heat[cell] = count
    height, width = summary.hw
    overlay = _image(heat_png(heat.reshape(GRID_HW)), "png", "where objects stood")
    below = _image(background, "jpeg", "a frame") if background else ""
    style = f"aspect-ratio:{width}/{height};background:#222"
    return f'<div class="heat" style="{style}">{below}{overlay}</div>'


def _sheet(crops: dict[int, bytes], views: dict[int, BestView], count: int) -> str:
    if not views:
        return '<p class="quiet">No tracks.</p>'
    figures = "".join(
        f"<figure>{_image(crops[id_], 'jpeg', f'track {id_}')}<figcaption>{id_}:"
        f" {escape(view.label)}<br>{view.first_s:.1f} to {view.last_s:.1f} s</figcaption></figure>"
        for id_, view in sorted(views.items())
        if id_ in crops
    )
    of = f"the {len(views)} longest of {count} tracks" if len(views) < count else f"{count} tracks"
    return f'<h3>{of}</h3><div class="tracks">{figures}</div>'


def _image(content: bytes, form: str, alt: str) -> str:
    return f'<img src="data:image/{form};base64,{b64encode(content).decode()}" alt="{escape(alt)}">'
