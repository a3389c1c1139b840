"""Text files that Windows programs wrote: byte order marks, UTF-16, CRLF."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from streamdet.config.yaml_loader import read_yaml
from streamdet.errors import ConfigError
from streamdet.evaluation.frames import read_published
from streamdet.evaluation.results import read_results
from streamdet.evaluation.truths.coco import read_coco
from streamdet.evaluation.truths.mot import sequence_hw
from streamdet.evaluation.truths.voc import read_voc
from streamdet.evaluation.truths.yolo import read_yolo
from streamdet.formats.mot_text import read_mot
from tests.evaluation.scenes import coco_dict

Write = Callable[[Path, str], Path]


@pytest.fixture(params=["utf-8-sig", "utf-16", "utf-8"])
def write(request: pytest.FixtureRequest) -> Write:
    """Write a file as Notepad does: with a mark, and CRLF."""

    def written(path: Path, text: str) -> Path:
        path.write_bytes(text.replace("\n", "\r\n").encode(request.param))
        return path

    return written


def test_json_of_truth_and_results(write: Write, tmp_path: Path) -> None:
    content = coco_dict()
    truth = read_coco(write(tmp_path / "t.json", json.dumps(content, indent=1)))
    box = content["annotations"][0]
    found = [{key: box[key] for key in ("image_id", "category_id", "bbox")} | {"score": 0.5}]
    [result] = read_results(write(tmp_path / "r.json", json.dumps(found)), truth, "bbox")
    assert len(truth.objects) == len(content["annotations"])
    assert result.xywh == tuple(box["bbox"])


@pytest.mark.parametrize(
    ("name", "text"), [("classes.txt", "person\ncar\n"), ("data.yaml", "names:\n- person\n- car\n")]
)
def test_yolo_s_labels_and_class_names(write: Write, tmp_path: Path, name: str, text: str) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((80, 100, 3), np.uint8))
    write(tmp_path / name, text)
    write(tmp_path / "a.txt", "1 0.5 0.5 0.2 0.25\n")
    truth = read_yolo(tmp_path, tmp_path)
    assert list(truth.categories.values()) == ["person", "car"]
    assert truth.objects[0].xywh == pytest.approx((40.0, 30.0, 20.0, 20.0))


def test_mot_and_its_seqinfo(write: Write, tmp_path: Path) -> None:
    path = write(tmp_path / "gt.txt", "1,7,11,21,30,60,1,-1,-1,-1\n")
    write(tmp_path / "seqinfo.ini", "[Sequence]\nimWidth=100\nimHeight=80\n")
    assert read_mot(path).xyxy.tolist() == [[10, 20, 40, 80]]
    assert sequence_hw(path) == (80, 100)


XML = "<annotation><size><width>90</width><height>80</height></size><object><name>{}</name>\
<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object></annotation>\n"


@pytest.mark.parametrize("head", ["", '<?xml version="1.0" encoding="utf-16"?>\n', "\n"])
def test_voc_s_xml(write: Write, tmp_path: Path, head: str) -> None:
    write(tmp_path / "a.xml", head + XML.format("車"))
    assert list(read_voc(tmp_path).categories.values()) == ["車"]


@pytest.mark.parametrize(("encoding", "name"), [("gb2312", "中"), ("shift_jis", "車")])
def test_xml_says_how_it_is_encoded(tmp_path: Path, encoding: str, name: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?>{XML.format(name)}'
    (tmp_path / "a.xml").write_bytes(text.encode(encoding))
    assert list(read_voc(tmp_path).categories.values()) == [name]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"<a>\n\xe9</a>", "a.xml:2: must be UTF-8, got byte 0xe9"),
        (b'<?xml encoding="klingon"?><a/>', "a.xml: states the encoding 'klingon', which is unk"),
        (b'<?xml encoding="gb2312"?>\n<a>\xff</a>', "a.xml:2: must be GB2312, got byte 0xff"),
    ],
)
def test_xml_that_is_no_text_is_refused(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "a.xml").write_bytes(content)
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        read_voc(tmp_path)


def test_a_graph_s_yaml(write: Write, tmp_path: Path) -> None:
    assert read_yaml(write(tmp_path / "g.yaml", "a:\n  b: 1\n")).values == {"a": {"b": 1}}


def test_what_a_shell_wrote_of_a_run(write: Write, tmp_path: Path) -> None:
    line = json.dumps({"frame_id": 0, "height": 80, "width": 90, "objects": []})
    [frame] = read_published(write(tmp_path / "f.jsonl", f"{line}\n"))
    assert (frame.number, frame.hw) == (1, (80, 90))
