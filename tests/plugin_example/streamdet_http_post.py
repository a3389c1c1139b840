"""A sink of another package: posts each frame's JSON to an HTTP address."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.error import URLError
from urllib.request import Request, urlopen

from pydantic import Field

from streamdet.config.options import Options
from streamdet.errors import ConfigError, EngineError
from streamdet.formats.frame_json import native_json
from streamdet.image import Image
from streamdet.messages import FrameMessage
from streamdet.sinks import PublicEntry, SinkContext
from streamdet.system.redaction import SecretUrl

_TRIES: Final = 3
_PAUSE_S: Final = 0.5


class HttpPostOptions(Options):
    """Options of `http_post`."""

    url: SecretUrl = Field(description="Where to post, http:// or https://.")
    timeout_s: float = Field(5, gt=0, le=60, description="How long one try may take.")


class HttpPostSink:
    """Posts each frame as JSON, at least once: a worker that is killed posts its batch again."""

    Options = HttpPostOptions
    needs_image = False
    has_file_per_source = False

    def __init__(self, options: HttpPostOptions, context: SinkContext) -> None:
        """Remember options and run."""
        self._options = options
        self._context = context

    def restore(self, states: Mapping[str, bytes]) -> None:
        """Check the address; nothing is remembered between processes."""
        if not self._options.url.reveal().startswith(("http://", "https://")):
            raise ConfigError(
                f"http_post: url must be http:// or https://, got {self._options.url}"
            )

    def write(
        self, messages: Sequence[FrameMessage], images: Sequence[Image | None]
    ) -> list[tuple[PublicEntry, ...]]:
        """Post the frames, before the batch is committed."""
        for message in messages:
            names = self._context.class_names.get(message.model or "", ())
            self._post(native_json(message, self._context.run_id, names))
        return [()] * len(messages)

    def finish(self, source_id: str) -> None:
        """Do nothing: nothing is held back."""

    def states(self) -> dict[str, bytes]:
        """Nothing has to be remembered."""
        return {}

    def committed(self) -> None:
        """Do nothing: the frames have been posted."""

    def close(self) -> None:
        """Do nothing: every post has its own connection."""

    def _post(self, body: bytes) -> None:
        request = Request(self._options.url.reveal(), body, {"Content-Type": "application/json"})
        for attempt in range(_TRIES):
            try:
                with urlopen(request, timeout=self._options.timeout_s):
                    return
            except URLError as exc:
                problem = exc.reason
            except OSError as exc:  # a time-out while the answer is read
                problem = str(exc)
            self._context.on_wait()
            time.sleep(_PAUSE_S * attempt)
        raise EngineError(f"http_post: {self._options.url} did not take a frame: {problem}")
