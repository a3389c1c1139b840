from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from streamdet.sinks import PublicEntry
from streamdet.sinks.redis_stream import RedisStreamOptions, RedisStreamSink
from tests.sinks.frames import context, message


def published(**options: Any) -> PublicEntry:
    sink = RedisStreamSink(RedisStreamOptions(**options), context("cam"))
    ((entry,),) = sink.write([message(index=5)], [None])
    return entry


def test_entry_is_native_json_in_field_metadata_of_stream_detections() -> None:
    entry = published()
    assert (entry.stream, entry.maxlen, list(entry.fields)) == ("detections", 10_000, ["metadata"])
    body = json.loads(entry.fields["metadata"])
    assert (body["schema"], body["run"], body["frame_id"]) == ("streamdet/1", "run-1", 5)
    assert body["objects"][1]["label"] == "bus"


def test_entry_speaks_deepstream_where_asked_to() -> None:
    entry = published(format="deepstream", stream="s", maxlen=1)
    assert (entry.stream, entry.maxlen) == ("s", 1)
    assert json.loads(entry.fields["metadata"])["version"] == "4.0"


@pytest.mark.parametrize("options", [{"maxlen": 0}, {"format": "xml"}, {"stream": ""}, {"x": 1}])
def test_options_outside_their_bounds_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RedisStreamOptions(**options)
