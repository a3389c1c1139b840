"""Names of images in truths that another system, or a URL, spelt."""

from __future__ import annotations

from pathlib import Path
from unicodedata import normalize

import pytest

from streamdet.errors import ConfigError
from streamdet.evaluation.images import find_images
from streamdet.evaluation.results import read_results
from streamdet.evaluation.truth import Truth, TruthImage
from streamdet.evaluation.truths.coco import read_coco
from streamdet.evaluation.truths.voc import read_voc
from tests.evaluation.scenes import coco_dict, write_json


def named(*names: str) -> Truth:
    images = {n: TruthImage(n, name, (8, 9)) for n, name in enumerate(names, start=1)}
    return Truth("t.json", images, {1: "cat"}, ())


def found(folder: Path, truth: Truth) -> list[str]:
    return [str(path.relative_to(folder)) for _, path in find_images(truth, folder)]


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()


@pytest.mark.parametrize(
    "name",
    [
        "./my pic.png",
        "/home/user/set/my pic.png",
        "train/my pic.png",
        "my pic.jpg",
        "my pic",
        "set\\my pic.png",
        "..\\..\\label-studio\\media\\upload\\4\\my pic.png",
        "C:\\data\\my pic.png",
        "my%20pic.png",
        "my%2520pic.png",
        "my+pic.png",
        "https://host.example.com/set/my%20pic.png?sig=abc",
        "https://host.example.com/my%20pic.png?X-Sig=" + "0" * 400,
        "s3://bucket/set/my pic.png#1",
        "/data/local-files/?d=set/my pic.png",
        "/data/local-files/?d=set%5Cmy%20pic.png",
        "/data/local-files/?d=my%20pic.png&x=1",
        "MY PIC.PNG",
        "Train\\My%20Pic.JPG",
        " my pic.png\r",
    ],
)
def test_the_image_is_found_whoever_spelt_its_name(tmp_path: Path, name: str) -> None:
    put(tmp_path, "my pic.png", "your pic.png")
    assert found(tmp_path, named(name)) == ["my pic.png"]


@pytest.mark.parametrize("name", ["img\\a.png", "img/A.png", "IMG/a.png", "x/img/a%2Epng", "img/a"])
def test_the_folder_above_will_do(tmp_path: Path, name: str) -> None:
    put(tmp_path, "img/a.png")
    assert found(tmp_path, named(name)) == ["img/a.png"]


def test_either_unicode_form_is_found(tmp_path: Path) -> None:
    composed, parted = normalize("NFC", "café.png"), normalize("NFD", "café.png")
    put(tmp_path, composed)
    assert found(tmp_path, named(parted)) == [composed]
    (tmp_path / composed).rename(tmp_path / parted)
    assert found(tmp_path, named(composed)) == [parted]


def test_the_name_as_it_is_comes_first(tmp_path: Path) -> None:
    names = ["a%20b.png", "a b.png", "c.png", "C.png", "what?.png", "s\\d.png", "d.png", "e+f.png"]
    put(tmp_path, *names, "e f.png")
    assert found(tmp_path, named(*names)) == names


def test_more_folders_in_common_come_first(tmp_path: Path) -> None:
    put(tmp_path, "a.png", "left/a.png", "right/a.png")
    assert found(tmp_path, named("set/right/a.png", "set\\left\\a.png")) == [
        "right/a.png",
        "left/a.png",
    ]


@pytest.mark.parametrize(
    ("files", "name"), [(("A.png", "a.PNG"), "a.png"), (("a.png", "a.jpg"), "a.tif")]
)
def test_two_files_that_fit_equally_are_both_named(
    tmp_path: Path, files: tuple[str, str], name: str
) -> None:
    put(tmp_path, *files)
    with pytest.raises(ConfigError) as caught:
        found(tmp_path, named(name))
    first, second = sorted(files)
    assert str(caught.value).startswith(f"{tmp_path}: {name} may be {first} or {second};")


def test_one_file_for_two_names_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "1.png")
    with pytest.raises(ConfigError, match=r"1.png: is the only file for both a/1.png and b/1.png"):
        found(tmp_path, named("a/1.png", "b/1.png"))


@pytest.mark.parametrize("name", ["my_pic.png", "set\\my-pic.png", "https://h/my%2Fpic.png?s=1"])
def test_the_nearest_name_is_given_where_there_is_none(tmp_path: Path, name: str) -> None:
    put(tmp_path, "my pic.png", "zebra.png")
    with pytest.raises(
        ConfigError, match=r"has no image .*; the nearest name there is 'my pic.png'"
    ):
        found(tmp_path, named(name))


def test_the_nearest_name_may_lie_in_a_folder_below(tmp_path: Path) -> None:
    put(tmp_path, "img/a.png")
    with pytest.raises(ConfigError, match=r"has no image A.PNG .*the nearest name .*'img/a.png'"):
        found(tmp_path, named("A.PNG"))


@pytest.mark.parametrize("name", ["what?.png", "p#1.png", "", "..", "/", "a\0b.png", "x" * 300])
def test_another_name_is_not_cut_until_it_fits(tmp_path: Path, name: str) -> None:
    put(tmp_path, "what.png", "p.png", "a.png")
    with pytest.raises(ConfigError, match=r"has no image"):
        found(tmp_path, named(name))


def test_coco_may_have_addresses_only(tmp_path: Path) -> None:
    content = coco_dict()
    content["images"][0] |= {"file_name": "", "coco_url": "http://host/train2017/a.png"}
    put(tmp_path, "a.png")
    assert found(tmp_path, read_coco(write_json(tmp_path / "t.json", content))) == ["a.png"]


@pytest.mark.parametrize(
    "names",
    [
        "<filename>C:\\set\\a.png</filename>",
        "<folder>img</folder><filename>a.png</filename>",
        "<filename/><path>C:\\set\\img\\a.png</path>",
        "<filename>before it was renamed.png</filename>",
    ],
)
@pytest.mark.parametrize("files", ["img/a.png", "a.png"])
def test_voc_says_it_in_several_places(tmp_path: Path, names: str, files: str) -> None:
    (tmp_path / "a.xml").write_text(f"<annotation>{names}</annotation>")
    put(tmp_path, files)
    folder = tmp_path / "img" if files.startswith("img") and "img" not in names else tmp_path
    assert found(folder, read_voc(tmp_path)) == ["a.png" if folder != tmp_path else files]


@pytest.mark.parametrize("name", ["a.png", "a", "img/a.png", "img\\a.png", "/other/img/a.png"])
def test_results_may_call_an_image_so_too(tmp_path: Path, name: str) -> None:
    entry = {"image_id": name, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}
    path = write_json(tmp_path / "found.json", [entry])
    [result] = read_results(path, named("img/b.png", "img\\a.png"), "bbox")
    assert result.image_id == 2


def test_results_must_not_mean_several_images(tmp_path: Path) -> None:
    entry = {"image_id": "1", "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}
    path = write_json(tmp_path / "found.json", [entry])
    with pytest.raises(ConfigError, match=r"\[0\].image_id: '1' may be several images of t.json"):
        read_results(path, named("left/1.png", "right/1.png"), "bbox")
