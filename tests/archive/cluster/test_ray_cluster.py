"""What is said where there is no Ray, or no cluster."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streamdet.archive.cluster.held_folder import held_folder
from streamdet.archive.cluster.ray_cluster import connected, is_address, missing_library
from streamdet.errors import EngineError
from streamdet.transport.run_folder import runs_root


@pytest.mark.parametrize("text", ["auto", "head:6379", "10.0.0.1:6379", "[fd00::1]:6379"])
def test_an_address_is_auto_or_host_and_port(text: str) -> None:
    assert is_address(text)


@pytest.mark.parametrize("text", ["", "head", "ray://head:10001", "head:port", "a b:1"])
def test_anything_else_is_no_address(text: str) -> None:
    assert not is_address(text)


def test_without_ray_one_sentence_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert missing_library() == (
        "--cluster needs ray: pip install -e '.[cluster]' in streamdet's checkout"
    )


def test_it_is_said_at_once_that_nobody_answers() -> None:
    with socket.socket() as taken:  # bound, and nobody listens there
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(EngineError, match=r"nobody answers there \(Connection refused\)"):
            connected(address).__enter__()


def test_auto_takes_the_cluster_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "ray://head:10001")
    with pytest.raises(EngineError, match="RAY_ADDRESS: must be HOST:PORT"):
        connected("auto").__enter__()


def test_a_folder_outlives_its_process_only_until_the_next_comes() -> None:
    code = (
        "import os\n"
        "from streamdet.archive.cluster.held_folder import held_folder\n"
        "with held_folder('test') as path:\n"
        "    print(path, flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=False)
    left = Path(done.stdout.decode().strip())
    assert left.parent == runs_root()
    assert left.is_dir()
    long_ago_s = time.time() - 3600
    os.utime(left, (long_ago_s, long_ago_s))
    dead: list[Path] = []
    with held_folder("test", dead.append) as own:
        os.utime(own, (long_ago_s, long_ago_s))
        with held_folder("test", dead.append):
            assert own.is_dir()
    assert dead == [left]
    assert not left.exists()
