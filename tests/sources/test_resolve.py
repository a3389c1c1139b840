"""What an address means."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import pytest

from streamdet.errors import ConfigError
from streamdet.sources.resolve import (
    SourceItem,
    camera_address,
    camera_ids,
    list_images,
    names_camera,
    resolve,
)
from streamdet.sources.scene_uri import SceneSpec, parse_scene


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def ids(uri: str | Path, taken: tuple[str, ...] = ()) -> list[str]:
    return [item.source_id for item in resolve(str(uri), taken=taken)[1]]


def test_a_file_is_one_item_with_an_absolute_uri(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "a b.mp4")
    monkeypatch.chdir(tmp_path)
    kind, items = resolve("a b.mp4")
    assert (kind, items[0].source_id, items[0].uri) == ("file", "a_b", str(tmp_path / "a b.mp4"))


def test_a_folder_of_videos_gives_one_source_a_file_in_natural_order(tmp_path: Path) -> None:
    touch(tmp_path, "cam10.mp4", "cam2.avi", "cam1.mp4")
    kind, items = resolve(str(tmp_path))
    assert kind == "file"
    assert [item.source_id for item in items] == ["cam1", "cam2", "cam10"]


def test_files_of_unusual_or_no_ending_are_kept_and_notes_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "x.mp4", "recording", "y.weird", ".hidden.mp4", "README.md", "labels.csv")
    assert ids(tmp_path) == ["recording", "x", "y"]


def test_equal_stems_get_numbers(tmp_path: Path) -> None:
    touch(tmp_path, "a.avi", "a.mp4", "a-2.mkv")
    assert ids(tmp_path, taken=("a",)) == ["a-2", "a-3", "a-4"]


def test_long_and_strange_names_give_safe_ids(tmp_path: Path) -> None:
    touch(tmp_path, "ü" * 20 + ".mp4", "x" * 100 + "1.mp4", "x" * 100 + "2.mp4")
    assert ids(tmp_path) == ["x" * 64, "x" * 62 + "-2", "source"]


def test_a_folder_of_images_is_one_item_in_natural_order(tmp_path: Path) -> None:
    touch(tmp_path, "walk/10.png", "walk/9.JPG", "walk/notes.txt")
    kind, items = resolve(str(tmp_path / "walk"))
    assert (kind, [item.source_id for item in items]) == ("images", ["walk"])
    assert [path.name for path in list_images(items[0].uri)] == ["9.JPG", "10.png"]


def test_a_glob_of_images_is_one_item(tmp_path: Path) -> None:
    touch(tmp_path, "walk/1.png", "walk/2.png", "walk/other.mp4")
    kind, items = resolve(str(tmp_path / "walk" / "*.png"))
    assert (kind, items[0].source_id) == ("images", "walk")
    assert len(list_images(items[0].uri)) == 2


def test_one_image_is_a_stream_of_one(tmp_path: Path) -> None:
    touch(tmp_path, "1.png")
    kind, items = resolve(str(tmp_path / "1.png"))
    assert (kind, list_images(items[0].uri)) == ("images", [tmp_path / "1.png"])


def test_images_among_videos_are_videos_of_one_frame(tmp_path: Path) -> None:
    touch(tmp_path, "1.mp4", "2.png")
    assert resolve(str(tmp_path))[0] == "file"
    assert ids(tmp_path) == ["1", "2"]


def test_a_glob_goes_down_with_two_stars(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.mp4", "b/c/2.mp4")
    assert ids(tmp_path / "**" / "*.mp4") == ["1", "2"]


def test_a_file_whose_name_looks_like_a_glob_is_the_file(tmp_path: Path) -> None:
    touch(tmp_path, "a[1].mp4", "a1.mp4")
    assert ids(tmp_path / "a[1].mp4") == ["a_1"]


def test_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(touch(tmp_path, "v.mp4")))
    assert resolve("~/v.mp4")[1][0].uri == str(tmp_path / "v.mp4")


def refusal(uri: str) -> str:
    with pytest.raises(ConfigError) as caught:
        resolve(uri)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_wrong_name_is_answered_with_the_nearest(tmp_path: Path) -> None:
    touch(tmp_path, "street.mp4", "other.avi")
    assert "'street.mp4'" in refusal(f"{tmp_path}/stret.mp4")
    assert "nearest" not in refusal(f"{tmp_path}/zzz")
    assert "does not exist either" in refusal(f"{tmp_path}/nowhere/a.mp4")


def test_nothing_to_read_is_refused_in_words(tmp_path: Path) -> None:
    touch(tmp_path, "empty/notes.txt")
    assert "only folders such as 'empty'" in refusal(str(tmp_path))
    assert "no video or image" in refusal(str(tmp_path / "empty"))
    assert "glob" in refusal(f"{tmp_path}/*.mp4")
    assert "no such home" in refusal("~nobody-of-this-name/x.mp4")
    assert "cannot be looked up" in refusal("x" * 5000)
    assert "''" in refusal("")


def test_pipes_and_devices_are_refused_without_opening_them(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "a pipe" in refusal(str(tmp_path / "pipe"))
    assert "a device" in refusal(os.devnull)


@pytest.mark.parametrize("uri", ["0", "/dev/video0"])
def test_a_number_or_device_is_a_camera_of_this_machine(
    uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert resolve(uri) == ("live", (SourceItem("video0", "/dev/video0"),))


def test_a_file_or_folder_with_a_number_for_a_name_is_no_camera(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "0/a.mp4", "1")
    monkeypatch.chdir(tmp_path)
    assert resolve("0")[0] == resolve("1")[0] == "file"


def test_an_address_is_one_live_item_that_hides_its_password() -> None:
    kind, items = resolve(
        "rtsp://admin:hunter2@camera/door/1?token=hunter2", taken=("camera_door_1",)
    )
    assert (kind, [item.source_id for item in items]) == ("live", ["camera_door_1-2"])
    assert items[0].uri == "rtsp://admin:hunter2@camera/door/1?token=hunter2"
    assert "hunter2" not in repr(items)


def test_cameras_are_told_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "1")
    monkeypatch.chdir(tmp_path)
    assert names_camera("rtsp://cam/1") and names_camera("rstp://cam/1") and names_camera("0")
    assert not names_camera("1") and not names_camera("a.mp4") and not names_camera("")
    assert camera_address("0") == "/dev/video0"
    with pytest.raises(ConfigError, match=r"a\.mp4: wanted the address of a camera"):
        camera_address("a.mp4")


def test_cameras_have_ids_of_their_own_even_wrong_ones() -> None:
    uris = ["rtsp://u:hunter2@cam/1", "rtsp://cam/1", "rstp://cam", "rtsp://"]
    assert camera_ids(uris) == ["cam_1", "cam_1-2", "source", "source-2"]


def test_a_file_that_is_played_live_must_exist(tmp_path: Path) -> None:
    touch(tmp_path, "a b.mp4")
    items = resolve(f"file:{tmp_path}/a%20b.mp4?live=1&loop=1")[1]
    assert items == (SourceItem("a_b", f"file:{tmp_path}/a%20b.mp4?live=1&loop=1"),)
    assert "'a b.mp4'" in refusal(f"file:{tmp_path}/a.mp4?live=1")


def test_a_scene_says_what_its_address_says() -> None:
    scene = parse_scene("synthetic:street?seed=3&hw=240x320&frames=7&fps=29.97")
    assert scene == SceneSpec("street", 3, (240, 320), 7, Fraction(2997, 100))
    assert not scene.is_realtime
    assert parse_scene("synthetic:street?realtime=1").is_realtime
    assert resolve("synthetic:street", taken=("street",))[1][0].source_id == "street-2"


@pytest.mark.parametrize(
    ("uri", "word"),
    [
        ("synthetic:sea", "'sea'"),
        ("synthetic:street?sed=1", "'sed'"),
        ("synthetic:street?seed=1&seed=2", "twice"),
        ("synthetic:street?seed=-1", "'-1'"),
        ("synthetic:street?hw=640", "HEIGHTxWIDTH"),
        ("synthetic:street?hw=10x10", "64 to"),
        ("synthetic:street?realtime=2", "0 to 1"),
        ("synthetic:street?fps=0", "above 0"),
        ("synthetic:street?fps=fast", "'fast'"),
        ("synthetic:street?frames=", "''"),
    ],
)
def test_a_wrong_scene_is_refused_in_words(uri: str, word: str) -> None:
    assert word in refusal(uri)
