"""Where results go. One kind is one file here and one line in registry.py.

A sink's life: constructed as `Sink(options, context)` (touches nothing) -> `restore(states)` ->
any number of `write` and `finish` -> `close`. After every `write` or `finish` the worker takes
`states()`, commits them with the frames in ONE atomic step, and calls `committed()`. When a process
dies anywhere in between, a new one gets the last committed states in `restore` and the uncommitted
frames again: a file sink brings its file to what its state says, and nothing is lost or doubled.

A sink may also have `take_public() -> list[PublicEntry]`: entries that belong to no frame. It is
called before `states`, after frames and after a source's end, and now and then while none come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from streamdet.events import EventPlace
from streamdet.image import Image
from streamdet.messages import FrameMessage
from streamdet.runtimes.gpu import Gpu
from streamdet.transport.bus import PublicEntry

__all__ = ["PublicEntry", "Sink", "SinkContext"]


@dataclass(frozen=True, slots=True)
class SinkContext:
    """What a sink may know of the run.

    Attributes:
        run_id: names the run; part of every frame's identity.
        sources: source_id -> address as shown to people (no secrets), for every source that the
            run began with; cameras may come later, and one that has ended may come again.
        class_names: model name -> its class names, for labels.
        folder: the run's folder; None outside a run.
        on_wait: to be called at least every second while a sink waits for another process.
        node: the sink's node.
        events: key of the public stream of events.
        live_sources: those of `sources` that are live.
        warn: says something to who watches the run, with the next step.
        gpu: where the node works; None: on the CPU.
        places: what the events of the nodes before it may name, as of the run's start.
    """

    run_id: str
    sources: Mapping[str, str]
    class_names: Mapping[str, Sequence[str]]
    folder: Path | None = None
    on_wait: Callable[[], None] = lambda: None
    node: str = ""
    events: str = "events"
    live_sources: frozenset[str] = frozenset()
    warn: Callable[[str], None] = lambda warning: None
    gpu: Gpu | None = None
    places: tuple[EventPlace, ...] = ()


class Sink(Protocol):
    """Writes results, each source's frames in index order (sources interleave).

    Attributes:
        needs_image: whether `write` wants the source images.
        has_file_per_source: whether its `path` becomes one file per source (see output_path.py).

    A class may have more of them, each false where it is not there:
        has_fixed_sources: its sources must be those that the run began with.
        options_may_change: a new process may go on with other options; else a graph that changes
            them is not applied to a running run.
        needs_tracks: it must read a tracker.
        needs_masks: it must read a tracker, and detectors whose models say which pixels are whose.
        draws_on_gpu: it can work on a GPU, where it gets images as stages/device_image.py has them.
        needs_events: it must read analytics.
        needs_packets: it finds each live source's last encoded packets in the run's folder
            (transport/packet_ring.py), `before_s + min_duration_s` of its options and ten seconds
            more.
    """

    needs_image: bool
    has_file_per_source: bool

    def restore(self, states: Mapping[str, bytes]) -> None:
        """Open, going on from the committed states ({} in a new run).

        A new run starts its outputs afresh when its first frame is committed: what an earlier run
        left there stays until then.

        Raises:
            ConfigError: the output cannot be written, in one sentence.
        """
        ...

    def write(
        self, messages: Sequence[FrameMessage], images: Sequence[Image | None]
    ) -> list[tuple[PublicEntry, ...]]:
        """Write a batch (dropped frames too: they say so) and return each message's public entries.

        Args:
            messages: frames, dropped ones among them.
            images: the source images (None where dropped before decoding, or not `needs_image`).
        """
        ...

    def finish(self, source_id: str) -> None:
        """A source has ended: write what is still held for it."""
        ...

    def states(self) -> dict[str, bytes]:
        """What changed since the last `committed`, key -> bytes: all that `restore` needs."""
        ...

    def committed(self) -> None:
        """The last `states` have been committed: what they stand for may be seen by readers.

        A text file is written only now (see append_file.py, note "redo"); without this call it
        stays as it was.

        Raises:
            EngineError: the output cannot be written.
        """
        ...

    def close(self) -> None:
        """Close files; they end at the last `committed`."""
        ...
