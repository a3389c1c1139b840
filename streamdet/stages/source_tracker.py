"""A tracker of one source, with the thresholds of the input size at which its frames are seen."""

from __future__ import annotations

from collections.abc import Callable

from streamdet.trackers import Tracker
from streamdet.trackers.options import TrackerOptions


class SourceTracker:
    """A tracker whose options may change between frames; it keeps its tracks.

    Args:
        make: makes a tracker of options.
        options: to begin with.

    Attributes:
        tracker: the tracker as it is now.
    """

    def __init__(self, make: Callable[[TrackerOptions], Tracker], options: TrackerOptions) -> None:
        self._make = make
        self._options = options
        self.tracker = make(options)

    def take(self, options: TrackerOptions) -> None:
        """Track with these options from the next frame on."""
        if options == self._options:
            return
        state = self.tracker.state()
        self._options, self.tracker = options, self._make(options)
        self.tracker.restore(state)

    def state(self) -> bytes:
        """The tracker's snapshot, whatever its options; the inverse of `restore`."""
        return self.tracker.state()

    def restore(self, state: bytes) -> None:
        """Continue as the object that returned `state` would."""
        self.tracker.restore(state)
