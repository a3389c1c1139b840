"""A small process that has imported what workers need, and forks them.

Starting Python and importing numpy, redis, av and OpenCV takes a core almost a second; a fork
takes a few milliseconds, so restarts are cheap. The fork server runs no threads and does nothing
else. It dies with the supervisor, and its workers die with it.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Final, NoReturn

from streamdet.errors import StreamdetError
from streamdet.system.process import bound_to_parent, die_with_parent, set_name
from streamdet.system.redaction import redacted

STOP_LIMIT_S: Final = 5.0
ANSWER_LIMIT_S: Final = 120.0
"""Imports, which come before the first answer, take about a second."""
_START: Final = "import sys; from streamdet.run.fork_server import main; main(sys.argv[1:])"


class ForkServerDiedError(StreamdetError):
    """The fork server has ended, and all of its processes with it."""


@dataclass(frozen=True, slots=True)
class Exit:
    """A forked process has ended.

    Attributes:
        pid: its process id.
        code: its exit code; -N when signal N killed it.
    """

    pid: int
    code: int


class ForkServer:
    """The supervisor's side.

    Args:
        modules: names of the modules that the server imports before it forks.
        log: file for the standard output and error of the workers.
    """

    def __init__(self, modules: Sequence[str], log: Path) -> None:
        self._modules, self._log = modules, log
        ours, theirs = socket.socketpair()
        with theirs, log.open("ab") as stream:
            self._process = subprocess.Popen(
                bound_to_parent([sys.executable, "-c", _START, str(theirs.fileno()), *modules]),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,  # Ctrl-C in the terminal is for the supervisor alone
                env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            )
        self._connection = Connection(ours.detach())
        self._exits: list[Exit] = []

    def spawn(self, target: str, *arguments: Any) -> int:
        """Fork a process that calls `target(*arguments)` and exits with its result.

        Args:
            target: "module:function"; only the forked process imports it.
            *arguments: of the function; they are pickled.

        Returns:
            Its process id.

        Raises:
            ForkServerDiedError: the server has ended.
        """
        with _death_noticed():
            self._connection.send((target, arguments))
            while not isinstance(answer := self._answer(), int):
                self._exits.append(answer)
        return answer

    def _answer(self) -> Any:
        if not self._connection.poll(ANSWER_LIMIT_S):
            raise EOFError  # an import that never ends
        return self._connection.recv()

    def exits(self, wait_s: float) -> list[Exit]:
        """List the processes that have ended since the last call; wait if there is none yet.

        Raises:
            ForkServerDiedError: the server has ended.
        """
        with _death_noticed():
            while self._connection.poll(0 if self._exits else wait_s):
                self._exits.append(self._connection.recv())
        exits, self._exits = self._exits, []
        return exits

    def stop(self) -> None:
        """End the server and every process it forked, and reap it."""
        self._connection.close()
        try:
            self._process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def restarted(self) -> ForkServer:
        """End this server, if it has not ended, and start another like it."""
        self.stop()
        return ForkServer(self._modules, self._log)


@contextmanager
def _death_noticed() -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError) as exc:
        raise ForkServerDiedError("the fork server has ended") from exc


class _Server:
    """The server's side: forks processes, reaps them and reports their exits."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._children: set[int] = set()
        self._wake, wake = socket.socketpair()
        self._wake.setblocking(False)
        wake.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        self._wake_writer = wake

    def serve(self) -> None:
        """Serve until the supervisor closes its end, then kill every forked process."""
        try:
            while True:
                ready = wait([self._connection, self._wake])
                if self._wake in ready:
                    self._wake.recv(4096)
                    self._reap()
                if self._connection in ready:
                    self._fork(*self._connection.recv())
        except (EOFError, OSError):
            self._end_children()

    def _fork(self, target: str, arguments: tuple[Any, ...]) -> None:
        server = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._become(server, target, arguments)
        self._children.add(pid)
        self._connection.send(pid)

    def _become(self, server: int, target: str, arguments: tuple[Any, ...]) -> NoReturn:
        code = 1
        try:
            die_with_parent(server)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for end in (self._connection, self._wake, self._wake_writer):
                end.close()
            module, _, function = target.partition(":")
            code = getattr(importlib.import_module(module), function)(*arguments)
        except BaseException:  # noqa: BLE001  the process ends here: the log is the only report
            print(redacted(traceback.format_exc()), file=sys.stderr)
        finally:
            sys.stderr.flush()
            os._exit(code)

    def _reap(self) -> None:
        for pid in tuple(self._children):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                self._children.discard(pid)
                self._connection.send(Exit(pid, os.waitstatus_to_exitcode(status)))

    def _end_children(self) -> None:
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)
        for pid in self._children:
            os.waitpid(pid, 0)


def main(arguments: Sequence[str]) -> None:
    """Serve on an inherited socket; the arguments are its descriptor and the modules to import."""
    descriptor, *modules = arguments
    set_name("sd:fork-server", "streamdet fork server")
    for module in modules:
        importlib.import_module(module)
    gc.freeze()  # a collection in a fork would copy all of this: 13 MB in the worker of a camera
    _Server(Connection(int(descriptor))).serve()
