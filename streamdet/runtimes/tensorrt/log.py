"""What TensorRT says while it builds and executes: errors, and lists of layers."""

from __future__ import annotations

from typing import Any

from streamdet.runtimes.tensorrt.layers import HEADING


def make_log(trt: Any) -> Any:
    """Make a logger of a loaded library."""

    class Log(trt.ILogger):  # type: ignore[misc]
        """Keeps the errors and the lists of layers."""

        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.errors: list[str] = []
            self.layers: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR):
                self.errors.append(message)
            elif message.startswith(HEADING):
                self.layers.append(message)

        def why(self) -> str:
            """The first error; what follows are its consequences."""
            return " ".join(self.errors[0].split())[:400] if self.errors else "it does not say why"

    return Log()
