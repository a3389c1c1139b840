"""Scores for people to read: tables as wide as the terminal, or 100 columns elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TextIO

from rich import box
from rich.console import Console
from rich.table import Table

from streamdet.evaluation.confusion import OUTCOMES, SIZES, Confusion
from streamdet.evaluation.frames import ALL
from streamdet.evaluation.mot import MotScores
from streamdet.evaluation.mots import MotsScores
from streamdet.evaluation.scores import Scores

_MOST_MISTAKES: Final = 8


def print_scores(scores: Scores, stream: TextIO) -> None:
    """Print all tables that there are, what was measured and the notes above."""
    console = Console(file=stream, width=None if stream.isatty() else 100, highlight=False)
    about = ", ".join(f"{name} {_shown(value)}" for name, value in scores.about.items())
    for line in filter(None, (about, _counts(scores))):
        console.print(line, markup=False)
    for note in scores.notes:
        console.print(f"note: {note}", markup=False)
    for line in _overall(scores):
        console.print(line, markup=False)
    console.print(_classes(scores))
    if scores.confusion is not None:
        _print_confusion(console, scores.confusion)
    if scores.tracking:
        console.print(_tracks(scores.tracking))
    if scores.mask_tracking:
        console.print(_mask_tracks(scores.mask_tracking))


def _counts(scores: Scores) -> str:
    objects, results = sum(scores.objects.values()), sum(scores.results.values())
    return f"{scores.images} images, {objects} objects, {results} results"


def _overall(scores: Scores) -> Iterator[str]:
    """COCO's metrics: precision on one line, recall on the next."""
    metrics = scores.coco.metrics
    for letters in ("AP", "AR"):
        parts = (f"{n} {_share(v)}" for n, v in metrics.items() if n.startswith(letters))
        yield f"{scores.kind if letters == 'AP' else '':9}  {'  '.join(parts)}"


def _classes(scores: Scores) -> Table:
    """One line for each class that has objects."""
    names = [name for name, count in scores.objects.items() if count]
    heads = [each.removeprefix("AP_") for each in scores.coco.classes[names[0]]] if names else []
    voc = [] if scores.voc is None else ["VOC07", "VOC10"]
    table = _table("class", "objects", "results", *heads, *voc)
    for name in names:
        row = [*map(_share, scores.coco.classes[name].values())]
        if scores.voc is not None:
            one = scores.voc.classes[name]
            row += [_share(one.ap_11_point), _share(one.ap_area)]
        table.add_row(name, str(scores.objects[name]), str(scores.results[name]), *row)
    if scores.voc is not None and len(names) > 1:
        dots = ("",) * (2 + len(heads))
        table.add_row("mean", *dots, _share(scores.voc.ap_11_point), _share(scores.voc.ap_area))
    return table


def _print_confusion(console: Console, confusion: Confusion) -> None:
    head = f"score >= {confusion.score_thresh:.3g}"
    table = _table(head, "correct", "wrong class", "missed", "false alarms")
    for size in SIZES:
        table.add_row(size, *(str(confusion.total(size, outcome)) for outcome in OUTCOMES))
    console.print(table)
    mistakes = [cell for cell in confusion.cells if cell.truth and cell.found
                and cell.truth != cell.found]  # fmt: skip
    for cell in mistakes[:_MOST_MISTAKES]:
        line = f"  {cell.truth} taken for {cell.found} ({cell.size}): {cell.count}"
        console.print(line, markup=False)


def _tracks(tracking: dict[str, MotScores]) -> Table:
    heads = ("MOTA", "IDF1", "recall", "precision", "switches", "fragments", "false", "missed")
    table = _table("tracks", *heads, "objects")
    for name, s in tracking.items():
        if name == ALL and len(tracking) == 2:  # one class is all
            continue
        shares = map(_share, (s.mota, s.idf1, s.recall, s.precision))
        counts = s.switches, s.fragmentations, s.false_positives, s.misses, s.objects
        table.add_row(name, *shares, *map(str, counts))
    return table


def _mask_tracks(tracking: dict[str, MotsScores]) -> Table:
    heads = ("sMOTSA", "MOTSA", "MOTSP", "switches", "false", "missed", "objects")
    table = _table("tracked masks", *heads)
    for name, s in tracking.items():
        counts = s.switches, s.false_positives, s.misses, s.objects
        table.add_row(name, *map(_share, (s.smotsa, s.motsa, s.motsp)), *map(str, counts))
    return table


def _table(first: str, *heads: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(first, no_wrap=True)
    for head in heads:
        table.add_column(head, justify="right")
    return table


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.1f}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
