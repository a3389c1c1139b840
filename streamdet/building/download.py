"""Fetches one file over HTTP: whole, of the right checksum, or not at all."""

from __future__ import annotations

import hashlib
import http.client
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import build_opener

from streamdet.errors import ConfigError, EngineError
from streamdet.system.atomic_file import written_whole
from streamdet.system.redaction import redacted, short

Tell = Callable[[str], object]
"""Takes a line about what is being done."""

_CHUNK: Final = 1 << 18
_TELL_EVERY_S: Final = 5.0


class Limits(NamedTuple):
    """What a download may take.

    Attributes:
        answer_s: longest wait for a connection or for the next bytes.
        whole_s: longest time for all of it.
        size: most bytes.
    """

    answer_s: float = 30.0
    whole_s: float = 3600.0
    size: int = 1 << 32


LIMITS: Final = Limits()


def download(
    address: str, path: Path, sha256: str, tell: Tell = print, limits: Limits = LIMITS
) -> None:
    """Fetch a file; a file of that name is replaced at the end, in one step.

    Args:
        address: http:// or https://.
        path: where it goes; its folder is made.
        sha256: of the file, or its first digits.
        tell: told how far it is, now and then.
        limits: of time and size.

    Raises:
        ConfigError: the address is not one of HTTP, or what came has another checksum.
        EngineError: it cannot be fetched or written; nothing of it is left.
    """
    if urlsplit(address).scheme not in ("http", "https"):
        raise ConfigError(f"{redacted(address)} is no address of http or https")
    with written_whole(path) as file:
        found = _fetch(address, file, tell, limits)
        if not found.startswith(sha256):
            raise ConfigError(
                f"{redacted(address)} is not the file that is wanted: its sha256 is {found},"
                f" wanted {sha256}"
            )


def _fetch(address: str, file: IO[bytes], tell: Tell, limits: Limits) -> str:
    """Copy what the address answers into a file; returns its sha256."""
    try:
        with build_opener().open(address, timeout=limits.answer_s) as answer:
            return _copy(answer, file, tell, limits)
    except HTTPError as exc:
        exc.close()
        raise EngineError(f"{redacted(address)} answers {exc.code} {exc.reason}") from exc
    except URLError as exc:
        raise EngineError(f"{redacted(address)} cannot be reached: {_why(exc.reason)}") from exc
    except (OSError, http.client.HTTPException) as exc:
        raise EngineError(f"{redacted(address)} could not be fetched: {_why(exc)}") from exc


def _copy(answer: Any, file: IO[bytes], tell: Tell, limits: Limits) -> str:
    digest, done = hashlib.sha256(), 0
    whole = answer.length or 0  # what is still to come; None where the server does not say
    start_s = told_s = time.monotonic()
    while data := answer.read1(_CHUNK):
        file.write(data)
        digest.update(data)
        done += len(data)
        now_s = time.monotonic()
        if now_s - start_s > limits.whole_s:
            raise TimeoutError(f"{done} bytes came in {limits.whole_s:g} s, which is the limit")
        if done > limits.size:
            raise OSError(f"more than {limits.size} bytes came, which is the limit")
        if now_s - told_s >= _TELL_EVERY_S:
            told_s = now_s
            tell(f"{done / 1e6:.0f} of {whole / 1e6:.0f} MB")
    if done < whole:
        raise OSError(f"it was cut off after {done} of {whole} bytes")
    return digest.hexdigest()


def _why(reason: object) -> str:
    """Say in words why a connection failed."""
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror.lower()
    return short(str(reason).strip()) or type(reason).__name__
