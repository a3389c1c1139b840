"""A real mosquitto, which may be killed and come back, and who listens to it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.required import skip_for_want_of

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")


class Broker:
    """A mosquitto on a port of its own, with a user "sd"."""

    def __init__(self, folder: Path) -> None:
        if MOSQUITTO is None:
            skip_for_want_of("mqtt", "there is no mosquitto: sudo apt-get install mosquitto")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        passwords, self._config = folder / "passwords", folder / "mosquitto.conf"
        passwords.write_text("")
        command = [str(Path(MOSQUITTO).parents[1] / "bin" / "mosquitto_passwd"), "-b"]
        subprocess.run([*command, str(passwords), "sd", "p@ss"], check=True, capture_output=True)
        passwords.chmod(0o644)
        folder.chmod(0o755)
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\n"
            f"user {os.environ.get('USER', 'root')}\n"
        )
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [str(MOSQUITTO), "-c", str(self._config)], stderr=subprocess.DEVNULL
        )
        deadline_s = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert time.monotonic() < deadline_s, "mosquitto does not start"
                time.sleep(0.02)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


class Listener:
    """Subscribes to everything."""

    def __init__(self, port: int) -> None:
        client_module = pytest.importorskip("paho.mqtt.client")
        self.came: list[tuple[str, str]] = []
        self._client = client_module.Client(client_module.CallbackAPIVersion.VERSION2)
        self._client.username_pw_set("sd", "p@ss")
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_message = lambda _, __, got: self.came.append(
            (got.topic, got.payload.decode())
        )
        subscribed: list[int] = []
        self._client.on_subscribe = lambda *_: subscribed.append(1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        while not subscribed:
            time.sleep(0.01)

    def wait_for(self, count: int) -> list[tuple[str, str]]:
        self.wait_until(lambda: len(self.came) >= count)
        return self.came

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + 20
        while not is_so():
            assert time.monotonic() < deadline_s, self.came
            time.sleep(0.01)

    def newest(self) -> dict[str, str]:
        """What came last under each topic."""
        return dict(self.came)

    def under(self, topic: str) -> list[str]:
        """All that came under a topic."""
        return [payload for each, payload in self.came if each == topic]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path)
    yield made
    made.kill()
