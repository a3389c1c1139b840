"""The Python of docs/messages.md reads what a run has published."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from tests.redis_server import RedisServer

PAGE = (Path(__file__).parents[1] / "docs" / "messages.md").read_text()
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)
SAID = ["one door 7 ['car']", "door 7 ['car']"]


@pytest.mark.redis
@pytest.mark.parametrize(("example", "said"), list(zip(EXAMPLES, SAID, strict=True)))
def test_an_example_prints_each_message(example: str, said: str, redis_server: RedisServer) -> None:
    client: redis.Redis = redis.Redis.from_url(redis_server.url)
    found = [{"label": "car"}]
    frame = {"run": "one", "source_id": "door", "frame_id": 7, "objects": found}
    client.delete("detections")
    client.xadd("detections", {"metadata": json.dumps(frame)})
    code = example.replace("redis://localhost:6379", redis_server.url)
    with subprocess.Popen([sys.executable, "-u", "-c", code], stdout=subprocess.PIPE) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline().decode() == said + "\n"
        reader.kill()
    client.delete("detections")
