"""Searches the records: what happened, to whom, where and when; newest first."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from streamdet.errors import ConfigError
from streamdet.records.day_file import day_files, day_path, open_to_read

TRACK: Final = "track"
"""What a row of the tracks is called beside the kinds of events."""
FILES: Final = ("clip", "snapshot")
"""Events that are about a file: the rows of what they show name it."""

_EVENTS: Final = (
    "SELECT at, until, event, source_id, label, track, place, path, run, id, body FROM events"
)
_TRACKS: Final = (
    f"SELECT began_at, ended_at, '{TRACK}', source_id, label, track,"  # noqa: S608
    " (SELECT group_concat(value, ', ') FROM json_each(zones)), NULL, run, id,"
    " json_object('frames', frames, 'confidence', confidence, 'is_over', json(iif(is_over,"
    " 'true', 'false')), 'zones', json(zones), 'began_pts_s', began_pts_s, 'ended_pts_s',"
    " ended_pts_s, 'attributes', json(attributes)) FROM tracks"
)

_NAMES: Final = {
    "class": "SELECT label FROM events UNION SELECT label FROM tracks",
    "zone": "SELECT place FROM events UNION SELECT value FROM tracks, json_each(zones)",
    "camera": "SELECT source_id FROM events UNION SELECT source_id FROM tracks",
}


@dataclass(frozen=True, slots=True)
class Query:
    """What is searched for; empty parts ask for nothing.

    Attributes:
        labels: classes of objects.
        places: zones, lines or presences.
        source_ids: cameras or files.
        events: kinds of events, or TRACK; without any, all but those of FILES.
        attributes: name -> values, one of which the object must have; all names count.
        since: what ended before is left out; with a time zone.
        until: what began then or later is left out; with a time zone.
        limit: how many rows, at most.
    """

    labels: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    source_ids: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class FileLink:
    """A file that shows what a row is about, and the event that announced it."""

    event_id: str
    path: str


@dataclass(frozen=True, slots=True)
class Found:
    """A row that was found.

    Attributes:
        at: when it happened, or a track began; UTC (RFC 3339).
        until: when a track or clip ended; None of the others.
        event: kind of the event, or TRACK.
        source_id: the camera or file; None of an event of no single source.
        label: class of the object.
        track: its number.
        place: name of the zone, line or presence; of a track all its zones.
        path: of a clip or snapshot, its file.
        run: names the run.
        id: of the event or track.
        more: the event as it was published; of a track what else is known.
        clip: the clip that shows it, if it is there.
        snapshot: the best image of its track, if it is there.
    """

    at: str
    until: str | None
    event: str
    source_id: str | None
    label: str | None
    track: int | None
    place: str | None
    path: str | None
    run: str
    id: str
    more: dict[str, Any]
    clip: FileLink | None = None
    snapshot: FileLink | None = None

    @property
    def attributes(self) -> dict[str, str]:
        """What else is known of the object: colour -> red."""
        return self.more.get("attributes") or {}

    def as_dict(self) -> dict[str, Any]:
        """Say all of it in plain values; keys without one are left out."""
        said = {name: getattr(self, name) for name in _COLUMNS if name != "more"}
        said |= {
            "clip": self.clip and self.clip.path,
            "snapshot": self.snapshot and self.snapshot.path,
        }
        # What a published event says twice is left out.
        more = {key: value for key, value in self.more.items() if key not in ("schema", *said)}
        if not self.attributes:
            more.pop("attributes", None)
        return {key: value for key, value in said.items() if value is not None} | more


@dataclass(frozen=True, slots=True)
class Answer:
    """What a search found.

    Attributes:
        rows: newest first.
        is_cut: whether there are more than the limit.
    """

    rows: tuple[Found, ...]
    is_cut: bool


def search(folder: Path, query: Query) -> Answer:
    """Search a folder of records, also while it is written to.

    Raises:
        ConfigError: it holds no records, or a file cannot be read.
    """
    rows: list[Found] = []
    for path in reversed(_files(folder)):
        if query.until is not None and path.stem > _text(query.until)[:10]:
            continue
        rows += _read(path, query)
        if len(rows) > query.limit:
            break
    found = tuple(_with_files(folder, row) for row in rows[: query.limit])
    return Answer(found, len(rows) > query.limit)


def unknown_names(folder: Path, query: Query) -> Iterator[tuple[str, str, set[str]]]:
    """Find what a query asks for and the records never name.

    Yields:
        What it is, the name, and the names that there are.

    Raises:
        ConfigError: as for `search`.
    """
    asked = {"class": query.labels, "zone": query.places, "camera": query.source_ids}
    for what, wanted in asked.items():
        sql = _NAMES[what]
        rows = (row for path in _files(folder) if wanted for row in _rows(path, sql, ()))
        known = {str(name) for (name,) in rows if name is not None}
        for name in wanted:
            if name not in known:
                yield what, name, known


def by_name(stated: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Gather attributes (name, value) as `Query` wants them: of one name one value is enough."""
    gathered: dict[str, tuple[str, ...]] = {}
    for name, value in stated:
        gathered[name] = (*gathered.get(name, ()), value)
    return gathered


def file_of(folder: Path, event_id: str) -> str | None:
    """Find the file that an event has announced; None for an unknown event, or one without.

    Raises:
        ConfigError: as for `search`.
    """
    for path in reversed(_files(folder)):
        for (file,) in _rows(path, "SELECT path FROM events WHERE id = ?", (event_id,)):
            return None if file is None else str(file)
    return None


def _files(folder: Path) -> list[Path]:
    try:
        files = day_files(folder)
    except FileNotFoundError as exc:
        raise ConfigError(f"{folder} does not exist, wanted a folder of records") from exc
    except NotADirectoryError as exc:
        raise ConfigError(f"{folder} is no folder, wanted one of records") from exc
    except OSError as exc:
        raise ConfigError(f"{folder} cannot be read: {exc.strerror}") from exc
    if not files:
        raise ConfigError(f"{folder} holds no records yet (files such as 2026-11-29.sqlite)")
    return files


def _read(path: Path, query: Query) -> list[Found]:
    parts, values = [], []
    for sql, (where, more) in (
        (_EVENTS, _conditions_of_events(query)),
        (_TRACKS, _conditions_of_tracks(query)),
    ):
        parts.append(f"{sql} WHERE {' AND '.join(where)}")
        values += more
    sql = f"{' UNION ALL '.join(parts)} ORDER BY 1 DESC, 10 LIMIT ?"
    rows = _rows(path, sql, [*values, query.limit + 1])
    said = (dict(zip(_COLUMNS, row, strict=True)) for row in rows)
    return [Found(**row | {"more": json.loads(row["more"])}) for row in said]


_COLUMNS: Final = [each.name for each in fields(Found)][:11]
"""What the columns of a query are called; the files come later."""
_Conditions = tuple[list[str], list[Any]]


def _conditions_of_events(query: Query) -> _Conditions:
    where, values = _conditions_of_both(query, "body, '$.attributes'")
    if query.events:
        where.append(_one_of("event", query.events))
        values += query.events
    else:
        where.append(f"NOT {_one_of('event', FILES)}")
        values += FILES
    if query.places:
        where.append(_one_of("place", query.places))
        values += query.places
    if query.since is not None:
        where.append("coalesce(until, at) >= ?")
        values.append(_text(query.since))
    if query.until is not None:
        where.append("at < ?")
        values.append(_text(query.until))
    return where, values


def _conditions_of_tracks(query: Query) -> _Conditions:
    where, values = _conditions_of_both(query, "attributes")
    if query.events and TRACK not in query.events:
        where.append("FALSE")
    if query.places:
        inside = f"SELECT 1 FROM json_each(zones) WHERE {_one_of('value', query.places)}"  # noqa: S608
        where.append(f"EXISTS ({inside})")
        values += query.places
    if query.since is not None:
        where.append("ended_at >= ?")
        values.append(_text(query.since))
    if query.until is not None:
        where.append("began_at < ?")
        values.append(_text(query.until))
    return where, values


def _conditions_of_both(query: Query, attributes: str) -> _Conditions:
    """Say what events and tracks have in common; `attributes` is where they have those."""
    where: list[str] = ["TRUE"]
    values: list[Any] = []
    for column, wanted in (("label", query.labels), ("source_id", query.source_ids)):
        if wanted:
            where.append(_one_of(column, wanted))
            values += wanted
    for name, wanted in query.attributes.items():
        has = f"SELECT 1 FROM json_each({attributes}) WHERE key = ? AND {_one_of('value', wanted)}"  # noqa: S608
        where.append(f"EXISTS ({has})")
        values += [name, *wanted]
    return where, values


def _one_of(column: str, values: Sequence[str]) -> str:
    return f"{column} IN ({', '.join('?' * len(values))})"


def _rows(path: Path, sql: str, values: Iterable[Any]) -> list[tuple[Any, ...]]:
    try:
        with closing(open_to_read(path)) as db:
            return db.execute(sql, tuple(values)).fetchall()
    except sqlite3.Error as exc:
        if not path.exists():  # it has just become too old
            return []
        raise ConfigError(f"{path} cannot be searched: {exc}") from exc


def _with_files(folder: Path, row: Found) -> Found:
    """Add the files that show a row, where they are still there."""
    if row.event in FILES or row.source_id is None:
        return row
    snapshot = None
    if row.track is not None:
        snapshot = _file(folder, row, "snapshot", "track = ?", (row.track,))
    clip = _file(folder, row, "clip", "at <= ? AND until >= ?", (row.until or row.at, row.at))
    return replace(row, clip=clip, snapshot=snapshot)


def _file(
    folder: Path, row: Found, event: str, condition: str, values: tuple[Any, ...]
) -> FileLink | None:
    sql = (
        "SELECT id, path FROM events WHERE path IS NOT NULL AND run = ? AND source_id = ?"  # noqa: S608
        f" AND event = ? AND {condition} ORDER BY at"
    )
    for path in _days_near(folder, row):
        for event_id, file in _rows(path, sql, (row.run, row.source_id, event, *values)):
            if Path(file).exists():
                return FileLink(event_id, file)
    return None


def _days_near(folder: Path, row: Found) -> Iterator[Path]:
    """Yield the files of the day before a row, of its own days, and of the one after."""
    first = datetime.fromisoformat(row.at).toordinal() - 1
    last = datetime.fromisoformat(row.until or row.at).toordinal() + 1
    for day in range(first, last + 1):
        path = day_path(folder, datetime.fromordinal(day).strftime("%Y-%m-%d"))
        if path.exists():
            yield path


def _text(moment: datetime) -> str:
    """Write a moment as the rows have it; one beyond the years of UTC as the nearest of them."""
    try:
        utc = moment.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        utc = datetime.min if moment.year == 1 else datetime.max
    return f"{utc.isoformat(timespec='microseconds')}Z"
