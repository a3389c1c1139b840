"""What an image's name in a ground truth may mean: another system, or a URL, may have spelt it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote, unquote_plus

_CHANGED: Final = frozenset("\\?#%+")


def readings(name: str) -> list[str]:
    r"""List what a name may mean, the longest path first, of two alike the less changed one.

    `\` may stand for `/`; a URL may have a query, whose values may be the name (Label Studio's
    `/data/local-files/?d=dir%5Ca.png`), and `%20` for a space; the folders in front may be those of
    another machine. Each result is a path without `.`, `..` and a root.
    """
    split = [_parts(each) for each in _spellings(name)]
    longest = max(map(len, split), default=0)
    tails = [
        "/".join(parts[-length:])
        for length in range(longest, 0, -1)
        for parts in split
        if len(parts) >= length
    ]
    return list(dict.fromkeys(tails))


def _spellings(name: str) -> Iterator[str]:
    if _CHANGED.isdisjoint(name):  # most names: 6 in place of 50 us
        yield name.strip()
        return
    plain = name.strip().replace("\\", "/")
    path, _, query = plain.partition("?")
    values = [query.partition("=")[2], *(pair.partition("=")[2] for pair in query.split("&"))]
    # What is left of a plain name must be a file's name: `what?.png` is not `what`.
    cut = [path, path.partition("#")[0], *values]
    is_url = "://" in plain
    read = [plain, *(each for each in cut if is_url or PurePosixPath(unquote(each)).suffix)]
    yield name
    yield from read
    for decode in (unquote, lambda each: unquote(unquote(each)), unquote_plus):
        yield from (decode(each).replace("\\", "/") for each in read)


def _parts(path: str) -> list[str]:
    parts = [part for part in path.split("/") if part not in ("", ".")]
    last_up = max((place for place, part in enumerate(parts) if part == ".."), default=-1)
    return [] if path.endswith("/") else parts[last_up + 1 :]
