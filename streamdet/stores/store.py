"""Asks an object store: every request is tried again for a while, and fails with one sentence."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from streamdet.errors import EngineError, StreamdetError, to_install
from streamdet.stores.address import StoreAddress
from streamdet.stores.refusals import EXPIRED, MISSING, OF_ONE_OBJECT, refusal

T = TypeVar("T")

_MODULES: Final = {"s3": "s3fs", "gs": "gcsfs", "az": "adlfs"}
"""Protocol -> the package that fsspec reaches it by."""

_OUT: Final = "the object store cannot be used"

_S3_CONFIG: Final = {
    "connect_timeout": 10,
    "read_timeout": 15,
    "retries": {"total_max_attempts": 1, "mode": "standard"},  # `Patience` does it
}


class StoreError(StreamdetError):
    """A store did not do what was asked, though it was asked for a while: says why.

    Attributes:
        is_missing: there is no such object.
    """

    def __init__(self, text: str, *, is_missing: bool = False) -> None:
        super().__init__(text)
        self.is_missing = is_missing


def is_store_out(error: str | None) -> bool:
    """Whether an error says that the whole store cannot be used, not that one object cannot."""
    return error is not None and f": {_OUT} (" in error


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a request is tried again.

    Attributes:
        attempts: most of them.
        limit_s: no attempt begins later than this; well below the time after which a worker that
            does nothing is restarted.
        first_s: wait before the second; it doubles from one to the next, up to 8 s, and is up to a
            half longer by chance, so that many workers do not ask at once.
        sleep: waits.
    """

    attempts: int = 9
    limit_s: float = 30.0
    first_s: float = 0.25
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """What a store says of an object.

    Attributes:
        size: bytes.
        stamp: changes when the object does, made from its ETag: 60 bits.
    """

    size: int
    stamp: int

    @classmethod
    def of(cls, info: dict[str, Any]) -> Self:
        """Read what fsspec tells of an object."""
        tag = str(info.get("ETag") or info.get("etag") or info.get("LastModified")).strip('"')
        return cls(int(info["size"] or 0), int(sha256(tag.encode()).hexdigest()[:15], 16))


class Store:
    """The stores of one protocol, with the credentials of this machine.

    Args:
        protocol: of address.PROTOCOLS, or any that fsspec has in itself.
        patience: with which it is asked.

    Raises:
        EngineError: its package is not installed.
    """

    def __init__(self, protocol: str, patience: Patience | None = None) -> None:
        if (module := _MODULES.get(protocol)) and find_spec(module) is None:
            raise EngineError(f"{protocol}:// needs {module}: {to_install(protocol)}")
        self._protocol = protocol
        self._patience = patience or Patience()

    def facts(self, address: StoreAddress) -> ObjectFacts:
        """Look at an object, as it is now.

        Raises:
            StoreError: there is none, or the store cannot be asked.
        """

        def look(files: Any) -> dict[str, Any]:
            files.invalidate_cache(address.path.rpartition("/")[0])
            try:
                return dict(files.info(address.path))
            except PermissionError:  # the answer to HEAD has no body that says why
                files.cat_file(address.path, start=0, end=1)
                return dict(files.info(address.path))

        info = self._asked(address, "be opened", look)
        if info["type"] != "file":
            raise _missing(address)
        return ObjectFacts.of(info)

    def exists(self, address: StoreAddress) -> bool:
        """Say whether there is such an object.

        Raises:
            StoreError: the store cannot be asked.
        """
        try:
            self.facts(address)
        except StoreError as exc:
            if exc.is_missing:
                return False
            raise
        return True

    def matches(self, pattern: StoreAddress) -> dict[StoreAddress, ObjectFacts]:
        """List the objects that a glob matches (`**` goes down), or that lie in a folder.

        Raises:
            StoreError: the store cannot be asked.
        """

        def look(files: Any) -> dict[str, dict[str, Any]]:
            files.invalidate_cache()
            if any(char in pattern.path for char in "*?["):
                return dict(files.glob(pattern.path, detail=True))
            return {info["name"]: info for info in files.ls(pattern.path, detail=True)}

        try:
            found = self._asked(pattern, "be listed", look)
        except StoreError as exc:
            if exc.is_missing:
                return {}
            raise
        return {
            StoreAddress(self._protocol, name): ObjectFacts.of(info)
            for name, info in found.items()
            if info["type"] == "file" and not name.endswith("/")
        }

    def read(self, address: StoreAddress, begin: int, end: int) -> bytes:
        """Read the bytes [begin, end) of an object.

        Raises:
            StoreError: they cannot be read.
        """

        def get(files: Any) -> bytes:
            data = bytes(files.cat_file(address.path, start=begin, end=end))
            if len(data) != end - begin:
                raise ConnectionResetError
            return data

        return self._asked(address, "be read", get)

    def put(self, file: Path, address: StoreAddress) -> None:
        """Store a file, whole: until it is there, what was there before stays.

        Raises:
            StoreError: it cannot be stored.
        """
        self._asked(address, "be written", lambda files: files.put_file(str(file), address.path))

    def put_bytes(self, data: bytes, address: StoreAddress) -> None:
        """Store bytes, as `put` does.

        Raises:
            StoreError: they cannot be stored.
        """
        self._asked(address, "be written", lambda files: files.pipe_file(address.path, data))

    def create(self, data: bytes, address: StoreAddress) -> bool:
        """Store bytes if there is no such object yet; returns whether that was so.

        Raises:
            StoreError: they cannot be stored.
        """

        def make(files: Any) -> bool:
            try:
                files.pipe_file(address.path, data, mode="create")
            except FileExistsError:
                return False
            return True

        return self._asked(address, "be written", make)

    def get(self, address: StoreAddress) -> bytes:
        """Read a whole object.

        Raises:
            StoreError: it cannot be read.
        """
        return self._asked(address, "be read", lambda files: bytes(files.cat_file(address.path)))

    def download(self, address: StoreAddress, file: Path) -> None:
        """Read a whole object into a file.

        Raises:
            StoreError: it cannot be read.
        """
        self._asked(address, "be read", lambda files: files.get_file(address.path, str(file)))

    def remove(self, address: StoreAddress) -> None:
        """Remove an object; it is no error if there is none.

        Raises:
            StoreError: the store refuses.
        """
        try:
            self._asked(address, "be removed", lambda files: files.rm_file(address.path))
        except StoreError as exc:
            if not exc.is_missing:
                raise

    def _asked(self, address: StoreAddress, what: str, ask: Callable[[Any], T]) -> T:
        patience, wait_s = self._patience, self._patience.first_s
        begun_s, is_new = time.monotonic(), False
        for attempt in range(1, patience.attempts + 1):
            try:
                return ask(_filesystem(self._protocol, is_new=is_new))
            except Exception as exc:  # noqa: BLE001  each library has errors of its own
                why, may_pass = refusal(exc)
            is_late = time.monotonic() - begun_s + wait_s > patience.limit_s
            if not may_pass or attempt == patience.attempts or is_late:
                break
            is_new = why == EXPIRED  # those in a file may have been renewed
            patience.sleep(wait_s * random.uniform(1.0, 1.5))  # noqa: S311
            wait_s = min(2 * wait_s, 8.0)
        if why == MISSING:
            raise _missing(address)
        if why in OF_ONE_OBJECT:
            raise StoreError(f"{address}: cannot {what} ({why})")
        tries = f", after {attempt} attempts" if attempt > 1 else ""
        raise StoreError(f"{address}: cannot {what}: {_OUT} ({why}{tries})")


def _missing(address: StoreAddress) -> StoreError:
    return StoreError(f"{address}: there is no such object", is_missing=True)


def _filesystem(protocol: str, *, is_new: bool) -> Any:
    """Make what fsspec reaches a store by, or take the one of this process."""
    import fsspec
    from fsspec.config import conf

    options: dict[str, Any] = {}
    if protocol == "s3":
        stated = conf.get("s3", {}).get("config_kwargs", {})
        options["config_kwargs"] = {**_S3_CONFIG, **stated}
    if is_new:
        fsspec.get_filesystem_class(protocol).clear_instance_cache()
    files = fsspec.filesystem(protocol, **options)
    files.retries = 1  # of s3fs, beside those of botocore
    return files
