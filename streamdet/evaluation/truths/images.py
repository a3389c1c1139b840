"""Ground truth of images: which format a path holds is told by what it is."""

from __future__ import annotations

from pathlib import Path

from streamdet.errors import ConfigError
from streamdet.evaluation.image_sizes import with_file_sizes
from streamdet.evaluation.truth import Truth
from streamdet.evaluation.truths import OnFault, refuse
from streamdet.evaluation.truths.categories import without_twins
from streamdet.evaluation.truths.coco import read_coco
from streamdet.evaluation.truths.voc import read_voc
from streamdet.evaluation.truths.yolo import read_yolo


def read_truth(path: Path, images: Path | None = None, on_fault: OnFault = refuse) -> Truth:
    """Read a COCO .json file, a folder of VOC .xml files or a folder of YOLO .txt files.

    Args:
        path: the file or folder.
        images: the folder of the images; YOLO's labels need it, and a truth that does not state
            their sizes, for all but boxes.
        on_fault: told of each entry that is wrong; by default the first one ends the reading.

    Raises:
        ConfigError: it is none of these, or something in it is wrong.
    """
    if path.is_file() and path.suffix.lower() == ".json":
        return _sized(read_coco(path, on_fault), images, on_fault)
    if path.is_dir() and any(path.glob("*.xml")):
        return _sized(read_voc(path, on_fault), images, on_fault)
    if path.is_dir() and any(path.glob("*.txt")):
        if images is None:
            raise ConfigError(f"{path}: YOLO labels need --images DIR, for the images' sizes")
        return without_twins(read_yolo(path, images, on_fault))
    came = "" if path.exists() else f" (there is no {path.absolute()})"
    raise ConfigError(
        f"{path}: wanted COCO's .json file, a folder of VOC's .xml or of YOLO's .txt files{came}"
    )


def _sized(truth: Truth, images: Path | None, on_fault: OnFault) -> Truth:
    return truth if images is None else with_file_sizes(truth, images, on_fault)
