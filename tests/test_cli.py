from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from streamdet import cli
from tests.graph.graphs import PEOPLE

HEAVY = ("torch", "redis", "av", "cv2", "onnxruntime", "openvino", "rich", "scipy")


STREAMDET = [sys.executable, "-m", "streamdet.cli"]


def streamdet(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*STREAMDET, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_check_says_what_a_right_graph_is_made_of(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "people", "--set", "detect.replicas=2"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.endswith("people.yaml: valid, 5 nodes in 4 processes")
    assert rows[0].split() == ["camera", "synthetic", "street", "process", "front"]
    assert rows[4].split() == ["publish", "redis_stream", "reads", "track", "process", "back"]


def test_check_shows_few_of_many_sources(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(5):
        (tmp_path / f"{number}.mp4").touch()
    cli.main(["check", "people", "--source", str(tmp_path)])
    assert "0, 1, 2 and 2 more" in capsys.readouterr().out


def test_graph_prints_mermaid_or_svg(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["graph", "people"]) == 0
    assert capsys.readouterr().out.startswith("flowchart LR\n")
    assert cli.main(["graph", "people", "--format", "svg", "--output", "o.txt"]) == 0
    assert "output-1" in capsys.readouterr().out


def test_schema_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "streamdet graph"


def test_a_wrong_graph_is_exit_code_2_and_one_sentence() -> None:
    done = streamdet("run", "people", "--set", "detect.score_thresh=2")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "error: --set detect.score_thresh=2: detect.score_thresh must be at most 1, got 2\n"
    )


def test_debug_adds_the_traceback_wherever_it_stands() -> None:
    for arguments in (["--debug", "check", "nothing"], ["check", "nothing", "--debug"]):
        done = streamdet(*arguments)
        assert "Traceback" in done.stderr
        assert done.returncode == 2


@pytest.mark.parametrize(
    "arguments", [[], ["chek"], ["check"], ["check", "people", "--sorce", "x"]]
)
def test_bad_usage_is_exit_code_2(arguments: list[str]) -> None:
    assert cli.main(arguments) == 2


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ZeroDivisionError("oops"), 1, "error: ZeroDivisionError: oops (a bug: --debug shows wh"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_what_nobody_foresaw_becomes_a_line_and_an_exit_code(
    error: BaseException,
    code: int,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(_: object) -> set[int]:
        raise error

    monkeypatch.setattr(os, "sched_getaffinity", fail)
    assert cli.main(["check", "people"]) == code
    assert capsys.readouterr().err.startswith(line)


def test_an_error_is_told_without_the_password(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--source", "synthetic:street?frames=1", "--redis", "redis://u:hush@127.0.0.1:1"]
    assert cli.main(["run", "people", *arguments]) == 1
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert "redis://u:***@127.0.0.1:1" in told
    assert "hush" not in told


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*STREAMDET, "schema"], stdout=writer, stderr=subprocess.PIPE, timeout=60, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize("is_buffered", [True, False])
def test_a_full_disk_under_the_output_is_one_sentence(is_buffered: bool) -> None:
    environ = os.environ | {"PYTHONUNBUFFERED": "" if is_buffered else "1"}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*STREAMDET, "check", "people"],
            stdout=full,
            stderr=subprocess.PIPE,
            env=environ,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == b"error: the output cannot be written: no space left on device\n"


@pytest.mark.parametrize(("closing", "code"), [(">&-", 0), ("2>&-", 0), ("2>/dev/full", 0)])
def test_closed_and_full_streams_are_no_bug(closing: str, code: int) -> None:
    command = f"{shlex.join([*STREAMDET, 'check', 'people'])} {closing}"
    done = subprocess.run(command, shell=True, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (code, b"")


def test_the_exit_code_of_an_error_survives_a_full_stderr() -> None:
    command = f"{shlex.join([*STREAMDET, 'check', 'nothing'])} 2>/dev/full"
    assert subprocess.run(command, shell=True, timeout=60, check=False).returncode == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_it_starts_ends_it_without_a_word(number: signal.Signals) -> None:
    # An import hook sends the signal from the middle of an import.
    script = (
        "import os, sys\n"
        "class Hook:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'streamdet.config.yaml_loader':\n"
        f"            os.kill(os.getpid(), {number})\n"
        "sys.meta_path.insert(0, Hook())\n"
        "from streamdet.cli import main\n"
        "sys.argv = ['streamdet', 'check', 'people']\n"
        "sys.exit(main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


def test_the_command_s_own_module_imports_next_to_nothing() -> None:
    script = (
        "import sys; before = set(sys.modules); import streamdet.cli; "
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import errno, os, signal; {script}"],
        capture_output=True,
        text=True,
        cwd=Path(cli.__file__).parent.parent,
        timeout=60,
        check=True,
    )
    assert done.stdout.split() == [
        "__future__",
        "streamdet",
        "streamdet.cli",
        "streamdet.system",
        "streamdet.system.stop_signals",
    ]


def test_handlers_are_as_before_when_it_was_called() -> None:
    before = signal.getsignal(signal.SIGTERM)
    cli.main(["check", "people"])
    assert signal.getsignal(signal.SIGTERM) is before


def test_names_that_are_not_utf8_can_be_printed(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xff.yaml"
    Path(os.fsdecode(path)).write_text(PEOPLE)
    done = subprocess.run([*STREAMDET, "check", path], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0
    assert b"\\udcff.yaml: valid" in done.stdout


def test_check_warns_of_what_a_run_would_lack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STREAMDET_MODELS", str(tmp_path))
    (tmp_path / "empty.mp4").touch()
    source = ["--source", str(tmp_path / "empty.mp4")]
    assert cli.main(["check", "people", "--set", "detect.model=yolox_nano", *source]) == 0
    weights, video = capsys.readouterr().err.splitlines()
    assert weights.startswith("warning: yolox_nano.onnx, the weights of model")
    assert video == f"warning: {tmp_path}/empty.mp4: is empty"


def test_check_warns_of_a_source_that_may_not_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.mp4").write_bytes(b"video")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # the tests may run as root
    assert cli.main(["check", "people", "--source", str(tmp_path / "in.mp4")]) == 0
    assert capsys.readouterr().err.endswith("in.mp4: cannot be read (permission denied)\n")


def test_every_command_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    for command in cli.COMMANDS:
        assert cli.main([command, "--help"]) == 0
        text = cli.COMMANDS[command]
        assert f"{text[0].upper()}{text[1:]}." in capsys.readouterr().out.replace("\n", " ")


def test_check_imports_nothing_heavy() -> None:
    outputs = "'--output', 'o.jsonl', '--output', 'o.mp4', '--output', 'o.txt'"
    script = (
        "import sys; from streamdet.cli import main; "
        f"main(['check', 'people', '--set', 'detect.model=yolox_nano', {outputs}]); "
        f"sys.exit(str([m for m in {HEAVY!r} if m in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr.splitlines()[-1] == "[]"
