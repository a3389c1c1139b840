"""Responses of a network as one image: where they are, what they saw, what was left of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from streamdet.image import Pixels
from streamdet.inspection.responses import Gradient, Response
from streamdet.sinks.drawing import track_color
from streamdet.sinks.pen import DARK, WHITE, Color

_PANEL_HW: Final = (480, 854)
_GAP: Final = 8
_LINE: Final = 22  # pixels of a line of text
_CELLS_A_ROW: Final = 9
_CELL: Final = 300
_FONT: Final = cv2.FONT_HERSHEY_SIMPLEX


@dataclass(frozen=True)
class Finding:
    """One response and what it saw.

    Attributes:
        response: where it is in the feature map.
        image: (H, W, 3) uint8 BGR, as the network saw it.
        xyxy: its receptive field in it, pixels.
        saw: (H, W, 3) uint8 BGR, what the way back to the pixels left; None: not asked for.
        title: e.g. the image's name; "" for none.
    """

    response: Response
    image: Pixels
    xyxy: tuple[int, int, int, int]
    saw: Pixels | None = None
    title: str = ""


def map_sheet(title: str, values: npt.NDArray[np.float32], findings: Sequence[Finding]) -> Pixels:
    """Draw the receptive fields of one image's responses, its feature map, and their patches.

    Args:
        title: of all.
        values: (h, w) the channel's feature map.
        findings: its strongest responses, at least one, all of one image.
    """
    first = findings[0]
    panels = [_fields(first.image, findings), _heat(values, first.image.shape[:2], findings)]
    if first.saw is not None:
        panels.append(_fitted(first.saw, _PANEL_HW))
    captions = ["receptive fields", _range(values), "what response 1 saw"]
    top = [_captioned(one, text) for one, text in zip(panels, captions, strict=False)]
    panels_row = _row(top)
    side = (panels_row.shape[1] + _GAP) // _CELLS_A_ROW - _GAP
    cells = _grid(findings, _CELLS_A_ROW, side)
    return _column([_text(title, panels_row.shape[1], WHITE), panels_row, cells])


def contact_sheet(title: str, findings: Sequence[Finding]) -> Pixels:
    """Draw the patches of responses, each of an image of its own, three a row."""
    columns = 3 if len(findings) > 4 else 2
    grid = _grid(findings, columns, _CELL)
    return _column([_text(title, grid.shape[1], WHITE), grid])


def gradient_image(gradient: Gradient, *, is_rgb: bool) -> Pixels:
    """Show a gradient around grey: brighter is what raised the response, darker what lowered it.

    Args:
        gradient: (3, H, W).
        is_rgb: whether its channels are red, green, blue.

    Returns:
        (H, W, 3) uint8 BGR; the thousandth strongest part reaches white or black.
    """
    values = np.moveaxis(gradient, 0, 2)
    values = values[..., ::-1] if is_rgb else values
    reach = float(np.quantile(np.abs(values), 0.999)) or float(np.abs(values).max()) or 1.0
    return np.asarray((values / reach * 127 + 128).clip(0, 255), np.uint8)


def _fields(image: Pixels, findings: Sequence[Finding]) -> Pixels:
    panel = _fitted(image, _PANEL_HW)
    scale = panel.shape[1] / image.shape[1]
    for number, finding in reversed([*enumerate(findings)]):
        x1, y1, x2, y2 = (round(edge * scale) for edge in finding.xyxy)
        cv2.rectangle(panel, (x1, y1), (x2 - 1, y2 - 1), DARK, 4)
        cv2.rectangle(panel, (x1, y1), (x2 - 1, y2 - 1), track_color(number), 2)
    for number, finding in reversed([*enumerate(findings)]):
        x, y = (round(edge * scale) for edge in finding.xyxy[:2])
        _plate(panel, str(number + 1), (x, y), track_color(number))
    return panel


def _heat(
    values: npt.NDArray[np.float32], image_hw: tuple[int, ...], findings: Sequence[Finding]
) -> Pixels:
    low, high = float(values.min()), float(values.max())
    levels = ((values - low) / ((high - low) or 1.0) * 255).astype(np.uint8)
    colours = cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)
    height, width = _fit(image_hw, _PANEL_HW)
    enlarged = cv2.resize(colours, (width, height), interpolation=cv2.INTER_NEAREST)
    panel = np.asarray(enlarged, np.uint8)
    for number, finding in reversed([*enumerate(findings)]):
        y, x = finding.response.yx
        place = (
            round((x + 0.5) * width / values.shape[1]) - 6,
            round((y + 0.5) * height / values.shape[0]) - 8,
        )
        _plate(panel, str(number + 1), place, track_color(number))
    return panel


def _grid(findings: Sequence[Finding], columns: int, side: int) -> Pixels:
    cells = [_cell(number, finding, side) for number, finding in enumerate(findings)]
    rows = [_row(cells[first : first + columns]) for first in range(0, len(cells), columns)]
    return _column(rows)


def _cell(number: int, finding: Finding, side: int) -> Pixels:
    """Draw a patch, below it what was left of it, and the response's number and value."""
    x1, y1, x2, y2 = finding.xyxy
    parts = [_text(f"{number + 1}: {finding.response.value:.3g}", side, track_color(number))]
    seen = [finding.image] if finding.saw is None else [finding.image, finding.saw]
    parts += [_boxed(_fitted(one[y1:y2, x1:x2], (side, side)), (side, side)) for one in seen]
    if finding.title:
        parts.append(_text(finding.title, side, WHITE))
    return _column(parts)


def _range(values: npt.NDArray[np.float32]) -> str:
    height, width = values.shape
    return f"feature map, {width} x {height}: {values.min():.3g} (dark) to {values.max():.3g}"


def _captioned(panel: Pixels, text: str) -> Pixels:
    return _column([_text(text, panel.shape[1], WHITE), panel])


def _text(text: str, width: int, colour: Color) -> Pixels:
    """Write a line of its own; what does not fit is cut."""
    strip = np.full((_LINE, width, 3), DARK, np.uint8)
    shown = text.encode("ascii", "replace").decode()
    cv2.putText(strip, shown, (2, _LINE - 7), _FONT, 0.45, colour, 1, cv2.LINE_AA)
    return strip


def _plate(panel: Pixels, text: str, xy: tuple[int, int], colour: Color) -> None:
    (width, height), _ = cv2.getTextSize(text, _FONT, 0.45, 1)
    x = min(max(xy[0], 0), panel.shape[1] - width - 4)
    y = min(max(xy[1], 0), panel.shape[0] - height - 6)
    cv2.rectangle(panel, (x, y), (x + width + 4, y + height + 6), colour, -1)
    cv2.putText(panel, text, (x + 2, y + height + 2), _FONT, 0.45, DARK, 1, cv2.LINE_AA)


def _fit(hw: tuple[int, ...], into_hw: tuple[int, int]) -> tuple[int, int]:
    scale = min(into_hw[0] / hw[0], into_hw[1] / hw[1])
    return max(1, round(hw[0] * scale)), max(1, round(hw[1] * scale))


def _fitted(image: Pixels, hw: tuple[int, int]) -> Pixels:
    height, width = _fit(image.shape[:2], hw)
    is_smaller = height < image.shape[0]
    how = cv2.INTER_AREA if is_smaller else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (width, height), interpolation=how), np.uint8)


def _boxed(image: Pixels, hw: tuple[int, int]) -> Pixels:
    """Put an image into the middle of a dark one."""
    box = np.full((*hw, 3), DARK, np.uint8)
    top, left = (hw[0] - image.shape[0]) // 2, (hw[1] - image.shape[1]) // 2
    box[top : top + image.shape[0], left : left + image.shape[1]] = image
    return box


def _row(parts: Sequence[Pixels]) -> Pixels:
    height = max(part.shape[0] for part in parts)
    return np.hstack([_padded(part, (height, part.shape[1] + _GAP)) for part in parts])[:, :-_GAP]


def _column(parts: Sequence[Pixels]) -> Pixels:
    width = max(part.shape[1] for part in parts)
    return np.vstack([_padded(part, (part.shape[0] + _GAP, width)) for part in parts])[:-_GAP]


def _padded(part: Pixels, hw: tuple[int, int]) -> Pixels:
    padded = np.full((*hw, 3), DARK, np.uint8)
    padded[: part.shape[0], : part.shape[1]] = part
    return padded
