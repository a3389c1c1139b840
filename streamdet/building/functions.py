"""Bodies of the nodes of networks/nodes.py, in standard ONNX operators.

An exported file holds the bodies of its nodes as local functions: ONNX Runtime runs them as they
are, OpenVINO after inlining (runtimes/openvino.py). TensorRT, which is not built yet, is to map the
nodes to plugins and to ignore the bodies. Axes as in networks/nodes.py, C classes, M kept ones.
"""

from __future__ import annotations

from typing import Any, Final

from streamdet.errors import EngineError
from streamdet.networks import NODE_DOMAIN

OPSET: Final = 18
_HEAD: Final = f'<domain: "{NODE_DOMAIN}", opset_import: ["": {OPSET}]>\n'

# Candidates of other classes get -1, which is never above the threshold. What NonMaxSuppression
# selects, whose number depends on the data, becomes a flag per candidate, whose number does not.
_NMS: Final = """
Nms <classes, iou_thresh, score_thresh, most> (xyxy, scores, class_ids) => (indices, counts)
{
  iou = Constant <value_float: float = @iou_thresh> ()
  low = Constant <value_float: float = @score_thresh> ()
  none = Constant <value_float: float = -1.0> ()
  one = Constant <value_float: float = 1.0> ()
  axis1 = Constant <value_ints: ints = [1]> ()
  axis2 = Constant <value_ints: ints = [2]> ()
  first = Constant <value_int: int = 0> ()
  step = Constant <value_int: int = 1> ()
  number = Constant <value_int: int = @classes> ()
  ids = Range (first, number, step)
  ids_column = Unsqueeze (ids, axis1)
  ids_of_candidates = Unsqueeze (class_ids, axis1)
  is_class = Equal (ids_of_candidates, ids_column)
  scores_row = Unsqueeze (scores, axis1)
  class_scores = Where (is_class, scores_row, none)
  candidates = Shape <start: int = 1> (scores)
  selected = NonMaxSuppression (xyxy, class_scores, candidates, iou, low)
  columns = Constant <value_ints: ints = [0, 2]> ()
  places = Gather <axis: int = 1> (selected, columns)
  length = Shape <start: int = 0, end: int = 1> (places)
  flags = Expand (one, length)
  hw = Shape (scores)
  nothing = ConstantOfShape (hw)
  is_kept = ScatterND (nothing, places, flags)
  half = Constant <value_float: float = 0.5> ()
  kept = Greater (is_kept, half)
  kept_scores = Where (kept, scores, none)
  most_int = Constant <value_int: int = @most> ()
  k = Unsqueeze (most_int, first)
  best, indices = TopK (kept_scores, k)
  is_there = Greater (best, low)
  there = Cast <to: int = 7> (is_there)
  counts = ReduceSum <keepdims: int = 0> (there, axis1)
}
"""

_ROI_POOL: Final = """
RoiPool <scale, output_hw> (rois, features) => (pooled)
{
  pooled = MaxRoiPool <pooled_shape: ints = @output_hw, spatial_scale: float = @scale>
    (features, rois)
}
"""

# A RoI's level: FPN, equation 1, with torchvision's 1e-6 against rounding.
_ROI_LEVEL: Final = """
  picture_column = Constant <value_int: int = 0> ()
  corner_columns = Constant <value_ints: ints = [1, 2, 3, 4]> ()
  picture_numbers = Gather <axis: int = 1> (rois, picture_column)
  pictures = Cast <to: int = 7> (picture_numbers)
  xyxy = Gather <axis: int = 1> (rois, corner_columns)
  x1, y1, x2, y2 = Split <axis: int = 1, num_outputs: int = 4> (xyxy)
  width = Sub (x2, x1)
  height = Sub (y2, y1)
  area = Mul (width, height)
  side = Sqrt (area)
  canonical = Constant <value_float: float = 224.0> ()
  relative = Div (side, canonical)
  octaves = Log (relative)
  two = Constant <value_float: float = 0.6931471805599453> ()
  doublings = Div (octaves, two)
  middle = Constant <value_float: float = 4.000001> ()
  raised = Add (doublings, middle)
  rounded = Floor (raised)
  finest = Constant <value_float: float = @finest_level> ()
  from_finest = Sub (rounded, finest)
  lowest = Constant <value_float: float = 0.0> ()
  highest = Constant <value_float: float = @levels_above> ()
  clipped = Clip (from_finest, lowest, highest)
  axes = Constant <value_ints: ints = [2, 3]> ()
  level = Unsqueeze (clipped, axes)
"""


def _roi_align_fpn(levels: int) -> str:
    """Every level pools every RoI, and a RoI keeps the result of its own."""
    scales = [f"scale{level}" for level in range(levels)]
    maps = [f"map{level}" for level in range(levels)]
    lines = [
        f"RoiAlignFpn{levels} <output_side, sampling_ratio, finest_level, levels_above,"
        f" {', '.join(scales)}> (rois, {', '.join(maps)}) => (pooled)",
        "{",
        _ROI_LEVEL,
    ]
    for number, (scale, features) in enumerate(zip(scales, maps, strict=True)):
        lines += [
            f"  pooled{number} = RoiAlign"
            ' <coordinate_transformation_mode: string = "output_half_pixel",'
            " output_height: int = @output_side, output_width: int = @output_side,"
            f" sampling_ratio: int = @sampling_ratio, spatial_scale: float = @{scale}>"
            f" ({features}, xyxy, pictures)",
            f"  number{number} = Constant <value_float: float = {number}.0> ()",
            f"  is_level{number} = Equal (level, number{number})",
        ]
    result = "pooled0"
    for number in range(1, levels):
        name = "pooled" if number == levels - 1 else f"chosen{number}"
        lines.append(f"  {name} = Where (is_level{number}, pooled{number}, {result})")
        result = name
    return "\n".join([*lines, "}"])


def function_of(name: str) -> Any:
    """Write the body of a node.

    Args:
        name: "Nms", "RoiPool", or "RoiAlignFpn" and its number of levels (2 to 5).

    Returns:
        An `onnx.FunctionProto`.

    Raises:
        EngineError: there is no such node.
    """
    from onnx import parser

    texts = {"Nms": _NMS, "RoiPool": _ROI_POOL}
    texts |= {f"RoiAlignFpn{levels}": _roi_align_fpn(levels) for levels in range(2, 6)}
    if name not in texts:
        raise EngineError(
            f"no body for the node {NODE_DOMAIN}::{name}, only for {', '.join(texts)}"
        )
    return parser.parse_function(_HEAD + texts[name])
