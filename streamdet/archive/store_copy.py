"""Keeps what an archive needs to go on in its object store, so that another machine can go on.

An archive works in a folder of its machine, with the manifest there, as crash-safe as one without a
store. Beside that, in order:

1. A file's outputs are put whole into the store, each under its own name, by the process that has
   joined it; only then the manifest says that the file is done.
2. Every `SAVE_S` the detections of segments that are done are put there, and the manifest notes
   which.
3. Then a copy of the manifest is put there, whole. It says nothing `stored` that is not there.

A command that finds a copy which its own manifest does not know (`saves`) begins with that copy:
another machine has gone on. Detections that are `stored` are fetched when a file needs them; others
are made again. So a machine that is lost costs what it did since the last copy. Planning is saved
before work begins: no copy speaks of detections that were overwritten.
"""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from streamdet.archive.folder import OWN, ArchiveFolder
from streamdet.archive.lease import RENEW_S, Lease
from streamdet.archive.manifest import Manifest
from streamdet.archive.manifest_rows import SegmentRow
from streamdet.errors import ConfigError, EngineError, StreamdetError
from streamdet.sinks.segments import SUFFIX
from streamdet.stores.address import StoreAddress
from streamdet.stores.store import Store, StoreError

SAVE_S: Final = 30.0
"""Time between two copies, or twenty times as long as one takes."""

_AT_ONCE: Final = 8
"""Objects put or read side by side."""


class StoreCopy:
    """What lies in the store of an archive.

    Args:
        folder: of the archive, with a store; held by this process.
        on_wait: called with a sentence if another machine may be at work there.

    Attributes:
        failure: why the copy cannot be kept any more; None while it is.
    """

    def __init__(self, folder: ArchiveFolder, on_wait: Callable[[str], None]) -> None:
        assert folder.store is not None
        self._folder = folder
        self._own = folder.store / OWN
        self._store = Store(folder.store.protocol)
        self._lease = Lease(self._store, self._own / "lock", folder.own / "owner", on_wait)
        self._done = threading.Event()
        self.failure: EngineError | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Work at the archive, on this machine alone, from the newest manifest on.

        Raises:
            ConfigError: another machine works there.
            StoreError: the store cannot be used.
        """
        self._lease.take()
        try:
            self._fetch_manifest()
            yield
        finally:
            self._lease.release()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Save now, in the background from now on, and at the end.

        Raises:
            StreamdetError: the store cannot be used.
        """
        with Manifest(self._folder.manifest) as manifest:
            self._save(manifest)
        thread = threading.Thread(target=self._keep, name="store-copy", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._done.set()
            thread.join()
            if self.failure is None:
                with Manifest(self._folder.manifest) as manifest:
                    self._save(manifest)
                    self._sweep(manifest)

    def fetch_segments(self, names: Sequence[str]) -> set[str]:
        """Bring detections of segments here; returns the names of those that the store has.

        Raises:
            StoreError: the store cannot be used.
        """
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = list(pool.map(self._fetch_segment, names))
        return {name for name, is_there in zip(names, found, strict=True) if is_there}

    def _fetch_segment(self, name: str) -> bool:
        part = self._folder.temporary / f"{name}{SUFFIX}"
        try:
            self._store.download(self._segment(name), part)
        except StoreError as exc:
            if exc.is_missing:
                return False
            raise
        part.replace(self._folder.segments / part.name)
        return True

    def _fetch_manifest(self) -> None:
        """Begin with the store's manifest if another machine has put it there."""
        path, part = self._folder.manifest, self._folder.temporary / "manifest.sqlite"
        try:
            self._store.download(self._own / path.name, part)
        except StoreError as exc:
            if not exc.is_missing:
                raise
            if path.exists():
                with Manifest(path) as manifest:
                    manifest.forget_stored()
            return
        if path.exists() and _newest(part) in _saves(path):
            part.unlink()
            return
        for name in ("", "-wal", "-shm"):
            path.with_name(path.name + name).unlink(missing_ok=True)
        shutil.rmtree(self._folder.segments)
        self._folder.segments.mkdir()
        part.replace(path)

    def _keep(self) -> None:
        """Renew the lease and save, until it is over or cannot be done."""
        try:
            with Manifest(self._folder.manifest) as manifest:
                self._keep_up(manifest)
        except StreamdetError as exc:
            self.failure = EngineError(str(exc))

    def _keep_up(self, manifest: Manifest) -> None:
        seen, due_s = manifest.version_seen(), time.monotonic() + SAVE_S
        while not self._done.wait(RENEW_S):
            self._lease.renew()
            now_s = time.monotonic()
            if now_s < due_s or manifest.version_seen() == seen:
                continue
            seen = manifest.version_seen()
            self._save(manifest)
            due_s = now_s + max(SAVE_S, 20 * (time.monotonic() - now_s))

    def _save(self, manifest: Manifest) -> None:
        pending = manifest.unstored()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            is_put = list(pool.map(self._put_segment, pending))
        with manifest.transaction():
            manifest.segments_stored(s for s, put in zip(pending, is_put, strict=True) if put)
            manifest.add_save(secrets.token_hex(8))
        part = self._folder.temporary / "manifest.copy"
        manifest.copy_to(part)
        self._store.put(part, self._own / self._folder.manifest.name)
        part.unlink()

    def _put_segment(self, segment: SegmentRow) -> bool:
        """Put a segment's detections into the store; False if they were thrown away meanwhile."""
        path = self._folder.segments / f"{segment.name}{SUFFIX}"
        try:
            before = path.stat()
            content = path.read_bytes()
            self._store.put_bytes(content, self._segment(segment.name))
            after = path.stat()
        except FileNotFoundError:
            return False
        return (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)

    def _sweep(self, manifest: Manifest) -> None:
        """Remove detections of segments that are no more."""
        done = manifest.done_names()
        for address in self._store.matches(self._own / "segments"):
            if address.stem not in done:
                self._store.remove(address)

    def _segment(self, name: str) -> StoreAddress:
        return self._own / "segments" / f"{name}{SUFFIX}"


def keep_summary(folder: ArchiveFolder, source_id: str) -> None:
    """Put what the summary page shows of a file into the archive's store.

    Raises:
        StoreError: the store does not take it.
    """
    assert folder.store is not None
    path = folder.summary(source_id)
    address = folder.store / OWN / folder.summaries.name / path.name
    Store(folder.store.protocol).put(path, address)


def copied(folder: ArchiveFolder, suffixes: Collection[str], into: Path) -> ArchiveFolder:
    """Copy an archive from its store: the manifest; the summaries and files of some suffixes too.

    Raises:
        ConfigError: there is no archive.
        StoreError: the store cannot be used.
    """
    copy = ArchiveFolder(into)
    copy.make()
    assert folder.store is not None
    store, own = Store(folder.store.protocol), folder.store / OWN
    wanted = {own / folder.manifest.name: copy.manifest}
    if suffixes:
        wanted |= {a: copy.summaries / a.name for a in store.matches(own / copy.summaries.name)}
        found = store.matches(folder.store)
        wanted |= {a: into / a.name for a in found if a.name.endswith(tuple(suffixes))}
    if not store.exists(own / folder.manifest.name):
        raise ConfigError(
            f"{folder.store}: no archive lies there: wanted the --output of `streamdet archive`"
        )
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(lambda item: store.download(*item), wanted.items()))
    return copy


def _newest(path: Path) -> str:
    with Manifest(path) as manifest:
        return manifest.saves()[-1]


def _saves(path: Path) -> list[str]:
    with Manifest(path) as manifest:
        return manifest.saves()
