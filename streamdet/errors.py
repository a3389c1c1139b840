"""The error tree: each branch says what the worker that meets it does.

    StreamdetError
    ├── ConfigError       stop before anything starts (exit code 2)
    ├── SourceError       this source ends here; the others go on (exit code 1)
    │   ├── CameraLostError      a live source does not answer or broke off: connect again soon
    │   └── CameraRefusedError   it answers and says no: connect again, but slowly
    ├── FrameError        this frame is dropped and counted; a stage turns it into a drop reason
    ├── TransportError    back off, reconnect and recover from the committed state
    │   └── StalePixelsError   the slot holds another frame by now: throw the result away
    └── EngineError       stop this worker; the run ends with its sentence

Every message is one sentence that says what came and what was wanted. No message holds a secret.
"""

import re
from typing import Final

_OBEYED: Final = re.compile(r"[\0-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Controls but the tab and the line's end, and what turns the direction of a text."""


def legible(text: str) -> str:
    r"""Write as \xe9 and \x1b what cannot be shown as it is.

    That is bytes of a file's name that are no UTF-8, and characters that a terminal obeys.
    """
    try:
        text = text.encode(errors="surrogateescape").decode(errors="backslashreplace")
    except UnicodeEncodeError:  # surrogates that stand for no byte: JSON may hold them
        text = text.encode(errors="backslashreplace").decode()
    return _OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def one_line(text: str) -> str:
    """Write a text that names a file as one line: a name may hold line breaks."""
    return legible(text).replace("\n", "\\n")


class StreamdetError(Exception):
    """A deliberate error: its text is shown to the user as it is, without a traceback."""

    def __str__(self) -> str:
        return legible(super().__str__())


class ConfigError(StreamdetError):
    """A graph, configuration or command line is wrong: names file, key, what came, what is due."""


class SourceError(StreamdetError):
    """A source cannot be opened or read on: names the source and says why."""

    def __str__(self) -> str:
        return one_line(super().__str__())


class CameraLostError(SourceError):
    """A live source does not answer, broke off or sends what cannot be read; no address in it."""


class CameraSilentError(CameraLostError):
    """A live source answered, and has sent nothing for too long."""


class CameraRefusedError(SourceError):
    """A live source answers, but trying again will not help by itself; no address in it."""


class FrameError(StreamdetError):
    """One frame cannot be processed: its text is the drop reason (few texts, no numbers)."""


class TransportError(StreamdetError):
    """The bus or the pool did not answer, or refused what a stale worker asked."""


class StalePixelsError(TransportError):
    """A slot holds another frame: this one was committed elsewhere, or its pixels are lost."""


class EngineError(StreamdetError):
    """A model, runtime or device cannot be used on this machine."""


def to_install(*extras: str) -> str:
    """Say how an extra is installed, or one of several.

    The project is on no index: pip would fetch a stranger's package of that name.
    """
    wanted = " or ".join(f"'.[{extra}]'" for extra in extras)
    return f"pip install -e {wanted} in streamdet's checkout"
