"""Labels in COCO's format: cocodataset.org/#format-data; videos and tracks as in COCO-VID."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from streamdet.config.files import shipped
from streamdet.labelling.footage import SeenFrame
from streamdet.labelling.verdicts import Label
from streamdet.ops.run_length import area as mask_area
from streamdet.system.atomic_file import write_whole

_DECIMALS: Final = 2
_SCORE_DECIMALS: Final = 4


class LabelFile:
    """Collects the labels of several sources.

    An object is an annotation, with `score` and `track_id` (unique in the file; null where there
    is none). What is ignored has `iscrowd: 1`, as COCO calls what is neither object nor background.
    """

    def __init__(self, path: Path, info: Mapping[str, Any], class_names: Mapping[int, str]) -> None:
        """Begin a file.

        Args:
            path: where it is written.
            info: what is said of the whole; `sources` is added.
            class_names: class id -> name, of all classes that were looked for.
        """
        self._path = path
        self._info = dict(info)
        ids = category_ids(list(class_names.values()))
        self._category_ids = {class_id: ids[name] for class_id, name in class_names.items()}
        self._categories = [{"id": number, "name": name} for name, number in ids.items()]
        self._videos: list[dict[str, Any]] = []
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        self._last_track = 0

    @property
    def counts(self) -> dict[str, int]:
        """Count the images, objects and ignored regions."""
        ignored = sum(each["iscrowd"] for each in self._annotations)
        objects = len(self._annotations) - ignored
        return {"images": len(self._images), "objects": objects, "ignored": ignored}

    def add(
        self, name: str, frames: Sequence[SeenFrame], labels: Sequence[Sequence[Label]]
    ) -> None:
        """Add a source: those of its frames that have an image, and their labels."""
        self._videos.append({"id": len(self._videos) + 1, "name": name})
        first_track = self._last_track
        for frame, boxes in zip(frames, labels, strict=True):
            if frame.file_name is None:
                continue
            self._add_image(frame, frame.file_name)
            for label in boxes:
                track_id = None if label.track_id is None else first_track + label.track_id
                self._last_track = max(self._last_track, track_id or 0)
                self._add_annotation(label, track_id, frame)

    def write(self, *, is_complete: bool) -> None:
        """Write what there is so far, in the place of what was written before.

        Raises:
            EngineError: it cannot be written.
        """
        content = {
            "info": {**self._info, "is_complete": is_complete},
            "videos": self._videos,
            "images": self._images,
            "categories": self._categories,
            "annotations": self._annotations,
        }
        text = json.dumps(content, ensure_ascii=False, allow_nan=False)
        write_whole(self._path, text.encode())

    def _add_image(self, frame: SeenFrame, file_name: str) -> None:
        self._images.append(
            {
                "id": len(self._images) + 1,
                "file_name": file_name,
                "height": frame.hw[0],
                "width": frame.hw[1],
                "video_id": len(self._videos),
                "frame_id": frame.number,
            }
        )

    def _add_annotation(self, label: Label, track_id: int | None, frame: SeenFrame) -> None:
        x1, y1, x2, y2 = (round(edge, _DECIMALS) for edge in label.xyxy)
        width, height = round(x2 - x1, _DECIMALS), round(y2 - y1, _DECIMALS)
        annotation: dict[str, Any] = {
            "id": len(self._annotations) + 1,
            "image_id": len(self._images),
            "category_id": self._category_ids[label.class_id],
            "bbox": [x1, y1, width, height],
            "area": round(width * height, _DECIMALS),
            "iscrowd": int(label.verdict == "ignored"),
            "score": None if label.score is None else round(label.score, _SCORE_DECIMALS),
            "track_id": track_id,
        }
        masks = frame.found.masks
        if masks is not None and label.row is not None:
            counts = masks.counts[label.row]
            annotation["area"] = mask_area(counts)
            annotation["segmentation"] = {"size": list(masks.hw), "counts": counts.decode("ascii")}
        self._annotations.append(annotation)


def category_ids(names: Sequence[str]) -> dict[str, int]:
    """Number classes as COCO does; those that it does not have come after its own."""
    listed = (shipped("configs/classes") / "coco90.txt").read_text(encoding="utf-8").splitlines()
    known = {name: number for number, name in enumerate(listed, start=1)}
    others = [name for name in names if name not in known]
    new = {name: number for number, name in enumerate(others, start=len(listed) + 1)}
    return {name: known.get(name) or new[name] for name in names}
