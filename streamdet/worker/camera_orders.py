"""What the supervisor may tell the worker of one camera to do, by `RunAdmin.tell`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

Verb = Literal["pause", "remove", "restart"]
VERBS: Final[tuple[Verb, ...]] = get_args(Verb)


@dataclass(frozen=True, slots=True)
class CameraOrder:
    """An order.

    Attributes:
        verb: pause: disconnect and wait until there is no order; remove: end the source; restart:
            end the process, another one goes on.
        reason: why, in a sentence for whoever looks at the camera.
    """

    verb: Verb
    reason: str = ""

    def __str__(self) -> str:
        """Write it as it travels; the inverse of `read_order`."""
        return f"{self.verb} {self.reason}".rstrip()


def read_order(text: str) -> CameraOrder | None:
    """Read an order; None where there is none ("").

    Raises:
        ValueError: the text is no order.
    """
    word, _, reason = text.partition(" ")
    for verb in VERBS:
        if word == verb:
            return CameraOrder(verb, reason)
    if text:
        raise ValueError(f"an order must begin with one of {', '.join(VERBS)}, got {text!r}")
    return None


class OrderedError(Exception):
    """The camera's worker has been given an order, which ends what it is doing."""

    def __init__(self, order: CameraOrder) -> None:
        super().__init__(str(order))
        self.order = order
