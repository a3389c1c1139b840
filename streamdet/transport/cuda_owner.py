"""The process that holds the images of a run in a GPU: it outlives the workers that use them.

When a process ends, its memory in the GPU goes with it, so no worker may own what others read. The
owner does nothing but hold memory: it cannot fail at a frame. It is asked by lines of JSON on its
standard input, and ends when that does or when its parent dies.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from select import select
from typing import Any, Final

from streamdet.errors import ConfigError, StreamdetError
from streamdet.system.process import bound_to_parent, set_name
from streamdet.transport.cuda_device import CudaDevice, open_device

START_LIMIT_S: Final = 60.0
"""A GPU that nobody has used yet takes seconds to wake."""
STOP_LIMIT_S: Final = 5.0
_owners: Final[dict[str, Owner]] = {}


class Owner:
    """The asking side; one owner a device serves all pools of this process.

    Args:
        device: cuda:0 for the first.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._arenas = 0
        command = [sys.executable, "-m", "streamdet.transport.cuda_owner", device]
        self.process = subprocess.Popen(
            bound_to_parent(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C in the terminal is for the supervisor alone
        )

    @staticmethod
    def of(device: str) -> Owner:
        """The owner of a device, started if need be."""
        if device not in _owners or _owners[device].process.poll() is not None:
            _owners[device] = Owner(device)
        return _owners[device]

    def allocate(self, slots: int, size: int) -> dict[str, Any]:
        """Have memory taken, with an event for each slot; returns their handles in hex.

        Raises:
            ConfigError: the device cannot be used, or has not so much memory.
        """
        answer = self._ask({"slots": slots, "size": size})
        if "problem" in answer:
            self._stop_if_idle()
            raise ConfigError(answer["problem"])
        self._arenas += 1
        return answer

    def free(self, memory: str) -> None:
        """Have memory given back; the last arena ends the owner."""
        self._arenas -= 1
        with suppress(ConfigError):  # an owner that has ended holds nothing
            self._ask({"free": memory})
        self._stop_if_idle()

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        line = ""
        with suppress(BrokenPipeError, ValueError):  # ValueError: ended and noticed before
            self.process.stdin.write(json.dumps(question) + "\n")
            self.process.stdin.flush()
            if select([self.process.stdout], [], [], START_LIMIT_S)[0]:
                line = self.process.stdout.readline()
        if not line:
            self._end()
            raise ConfigError(
                f"the process that holds the images on {self._device} does not answer or has ended"
            )
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _stop_if_idle(self) -> None:
        if self._arenas:
            return
        if _owners.get(self._device) is self:
            del _owners[self._device]
        with suppress(subprocess.TimeoutExpired):
            self._close()
            self.process.wait(STOP_LIMIT_S)
        self._end()

    def _end(self) -> None:
        self.process.kill()
        self.process.wait()
        self._close()

    def _close(self) -> None:
        """Close its input, which asks it to end, and its output."""
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()


class _Arenas:
    """The owning side.

    Args:
        name: of the device.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._device: CudaDevice | None = None
        self._held: dict[str, tuple[Any, list[Any]]] = {}

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        try:
            if "free" in question:
                memory, events = self._held.pop(question["free"])
                events.clear()
                memory.free()
                return {}
            return self._allocate(**question)
        except StreamdetError as exc:
            return {"problem": str(exc)}

    def _allocate(self, slots: int, size: int) -> dict[str, Any]:
        if self._device is None:
            self._device = open_device(self._name)
        memory = self._device.allocate(size)
        events = [self._device.new_event() for _ in range(slots)]
        handle = self._device.memory_handle(memory).hex()
        self._held[handle] = (memory, events)
        return {"memory": handle, "events": [bytes(event.ipc_handle()).hex() for event in events]}

    def close(self) -> None:
        self._held.clear()
        if self._device is not None:
            self._device.close()


def main(device: str) -> None:
    """Hold memory until standard input ends."""
    set_name("sd:gpu-memory", f"streamdet: holds the images on {device}")
    arenas = _Arenas(device)
    try:
        for line in sys.stdin:
            print(json.dumps(arenas.answer(json.loads(line))), flush=True)
    finally:
        arenas.close()


if __name__ == "__main__":
    main(sys.argv[1])
