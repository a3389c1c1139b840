"""Addresses of live sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.errors import ConfigError
from streamdet.sources.live_address import file_address, is_live_address, parse_live
from streamdet.sources.resolve import resolve


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("rtsp://10.0.0.5/door", "10.0.0.5/door"),
        ("rtsp://10.0.0.5:554/door/", "10.0.0.5/door"),
        ("RTSP://u:p@Cam.lan:8554/a/b?token=t", "cam.lan-8554/a/b"),
        ("rtsp://u:p@ss@cam", "cam"),
        ("rtsps://[fe80::1]:322/x", "fe80::1/x"),
        ("http://cam/video.cgi?user=u&password=p", "cam/video.cgi"),
        ("https://cam/live.m3u8", "cam/live.m3u8"),
        ("rtmp://cam/app/stream", "cam/app/stream"),
        ("udp://@:5000", "udp-5000"),
        ("udp://239.0.0.1:5000?pkt_size=1316", "239.0.0.1-5000"),
        ("srt://cam:9000", "cam-9000"),
        ("/dev/video2", "video2"),
        ("/dev/v4l/by-id/usb-cam", "usb-cam"),
    ],
)
def test_names_are_made_of_host_and_path(uri: str, name: str) -> None:
    assert is_live_address(uri)
    assert parse_live(uri).name == name


def test_ids_of_cameras_of_one_host_differ() -> None:
    first = resolve("rtsp://u:p@cam/x?channel=1")[1][0].source_id
    second = resolve("rtsp://u:p@cam/x?channel=2", taken=[first])[1][0].source_id
    assert (first, second) == ("cam_x", "cam_x-2")


def refusal(uri: str) -> str:
    with pytest.raises(ConfigError) as caught:
        resolve(uri)
    message = str(caught.value)
    assert "\n" not in message
    assert "hunter2" not in message
    return message


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("rstp://u:hunter2@cam/x", "rstp:// is not a kind of address; did you mean rtsp://?"),
        ("rtps://cam/x", "did you mean rtsp"),
        ("htpp://cam/x", "did you mean http"),
        ("ftp://cam/x", "wanted rtsp, rtsps,"),
        ("rtsp:/u:hunter2@cam/x", "rtsp:// with a colon and two slashes"),
        ("rtsp:cam/x", "rtsp:// with a colon and two slashes"),
        ("rtsp//cam/x", "rtsp:// with a colon and two slashes"),
        ("rtsp:///x", "has no host"),
        ("rtsp://", "has no host"),
        ("rtsp://u:hunter2@:554/x", "has no host"),
        ("rtsp://u:hunter2@cam:rtsp/x", "wanted HOST:PORT"),
        ("rtsp://cam:99999/x", "wanted HOST:PORT"),
        ("rtsp://[::1/x", "wanted HOST:PORT"),
        ("rtsp://u:hunter2 @cam/x", "written %20"),
        ("rtsp://cam/x\r\nPLAY hunter2", "written %20"),
        ("rtsp://cam/\x1b[2J", "written %20"),
        ("rtsp://u:hunter2/1@cam/x", "written %2F"),
        ("rtsp://u:hunter2#1@cam/x", "written %2F"),
        ("rtsp://u:hunter2?1@cam/x", "written %2F"),
        ("rtsp://u:5/hunter2@cam/x", "written %2F"),
        ("udp://239.0.0.1", "has no port"),
    ],
)
def test_a_wrong_address_is_refused_in_a_sentence_without_its_password(
    uri: str, words: str
) -> None:
    assert words in refusal(uri)


def test_a_file_name_is_percent_decoded() -> None:
    address = parse_live("file:/a%20b/c%3Fd.mp4?live=1")
    assert (address.kind, address.place, address.name) == ("file", "/a b/c?d.mp4", "c?d")
    assert not address.loop
    assert parse_live("file:///v.mp4?loop=1&live=true").loop


def test_a_relative_file_lies_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "v 1.mp4").touch()
    assert resolve("file:v 1.mp4?live=1")[1][0].uri == f"file:{tmp_path}/v%201.mp4?live=1"


def test_the_address_of_a_file_is_read_as_it_was_written() -> None:
    path = Path("/a b/50%?#&.mp4")
    address = parse_live(file_address(path, loop=True))
    assert (address.place, address.loop) == (str(path), True)


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("file:v.mp4", "?live=1 to play it like a camera, or the path alone"),
        ("file:v.mp4?live=0", "?live=1 to play it like a camera"),
        ("file:v.mp4?live=1&lop=1", "unknown key 'lop'"),
        ("file:v.mp4?live=maybe", "must be 1 or 0, got 'maybe'"),
        ("file://v.mp4?live=1", "without the two slashes"),
        ("file:?live=1", "has no file path"),
        ("file:/no/such.mp4?live=1", "no such file"),
    ],
)
def test_a_wrong_file_address_is_refused_in_words(uri: str, words: str) -> None:
    assert words in refusal(uri)


@pytest.mark.parametrize("uri", ["a/rtsp.mp4", "rtsp", "C:video.mp4", "synthetic:street", "x:y"])
def test_paths_are_no_addresses(uri: str) -> None:
    assert not is_live_address(uri)


def test_passwords_are_not_shown() -> None:
    uri = "rtsp://u:hunter2@cam/x?pwd=hunter2"
    assert "hunter2" not in repr(parse_live(uri))
    assert "hunter2" not in repr(resolve(uri))
