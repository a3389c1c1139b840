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

# A RoI's level: FPN, equation 1, with torchvision's 1e-6 against rounding. No side is negative: the
# root of a negative area is NaN, which is no level.
_ROI_LEVEL: Final = """
  no_side = Constant <value_float: float = 0.0> ()
  signed_width = Sub (x2, x1)
  signed_height = Sub (y2, y1)
  width = Max (signed_width, no_side)
  height = Max (signed_height, no_side)
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
  level = Squeeze (clipped, axis1)
"""


def _roi_align_fpn(levels: int) -> str:
    """Sort the RoIs by level, pool those of each level, and put the results in the RoIs' order.

    Pooling all of them from every level, which would need no dynamic shape, takes twice the time
    of the box head behind it.
    """
    scales = [f"scale{level}" for level in range(levels)]
    maps = [f"map{level}" for level in range(levels)]
    lines = [
        f"RoiAlignFpn{levels} <output_side, sampling_ratio, finest_level, levels_above,"
        f" {', '.join(scales)}> (rois, {', '.join(maps)}) => (pooled)",
        "{",
        _ROI_COLUMNS,
    ]
    if levels == 1:
        return "\n".join([*lines, _roi_align("pooled", "map0", "scale0", "xyxy, images"), "}"])
    lines.append(_ROI_LEVEL)
    for number in range(levels):
        lines += [
            f"  number{number} = Constant <value_float: float = {number}.0> ()",
            f"  is_level{number} = Equal (level, number{number})",
            f"  places{number} = NonZero (is_level{number})",
            f"  rows{number} = Squeeze (places{number}, axis0)",
            f"  xyxy{number} = Gather (xyxy, rows{number})",
            f"  images{number} = Gather (images, rows{number})",
            _roi_align(
                f"pooled{number}", f"map{number}", f"scale{number}",
                f"xyxy{number}, images{number}",
            ),
        ]  # fmt: skip
    rows, parts = (", ".join(f"{name}{n}" for n in range(levels)) for name in ("rows", "pooled"))
    lines += [
        f"  rows = Concat <axis: int = 0> ({rows})",
        f"  parts = Concat <axis: int = 0> ({parts})",
    ]
    return "\n".join([*lines, _IN_ORDER, "}"])


# A RoI that is not finite, which runtimes refuse or misread, becomes an empty one far outside: its
# level is the finest and its bins are 0, as in ops/roi_align.py.
_ROI_COLUMNS: Final = """
  image_column = Constant <value_int: int = 0> ()
  corner_columns = Constant <value_ints: ints = [1, 2, 3, 4]> ()
  axis0 = Constant <value_ints: ints = [0]> ()
  axis1 = Constant <value_ints: ints = [1]> ()
  image_numbers = Gather <axis: int = 1> (rois, image_column)
  images = Cast <to: int = 7> (image_numbers)
  stated = Gather <axis: int = 1> (rois, corner_columns)
  sizes = Abs (stated)
  largest = Constant <value_float: float = 1e9> ()
  is_finite = LessOrEqual (sizes, largest)
  finite = Cast <to: int = 1> (is_finite)
  all_finite = ReduceMin <keepdims: int = 1> (finite, axis1)
  half = Constant <value_float: float = 0.5> ()
  is_place = Greater (all_finite, half)
  outside = Constant <value_float: float = -1e6> ()
  xyxy = Where (is_place, stated, outside)
  x1, y1, x2, y2 = Split <axis: int = 1, num_outputs: int = 4> (xyxy)
"""

# The inverse of a permutation: a RoI's row says where its result is.
_IN_ORDER: Final = """
  first = Constant <value_int: int = 0> ()
  step = Constant <value_int: int = 1> ()
  rows_shape = Shape (level)
  number = Squeeze (rows_shape, axis0)
  positions = Range (first, number, step)
  unset = ConstantOfShape (rows_shape)
  nowhere = Cast <to: int = 7> (unset)
  places = ScatterElements <axis: int = 0> (nowhere, rows, positions)
  ordered = Gather (parts, places)
  rest = Shape <start: int = 1, end: int = 4> (parts)
  shape = Concat <axis: int = 0> (rows_shape, rest)
  pooled = Reshape (ordered, shape)
"""


def _roi_align(result: str, features: str, scale: str, rois: str) -> str:
    return (
        f"  {result} = RoiAlign"
        ' <coordinate_transformation_mode: string = "output_half_pixel",'
        " output_height: int = @output_side, output_width: int = @output_side,"
        f" sampling_ratio: int = @sampling_ratio, spatial_scale: float = @{scale}>"
        f" ({features}, {rois})"
    )


def function_of(name: str) -> Any:
    """Write the body of a node.

    Args:
        name: "Nms", "RoiPool", or "RoiAlignFpn" and its number of levels (1 to 5).

    Returns:
        An `onnx.FunctionProto`.

    Raises:
        EngineError: there is no such node.
    """
    from onnx import parser

    texts = {"Nms": _NMS, "RoiPool": _ROI_POOL}
    texts |= {f"RoiAlignFpn{levels}": _roi_align_fpn(levels) for levels in range(1, 6)}
    if name not in texts:
        raise EngineError(
            f"no body for the node {NODE_DOMAIN}::{name}, only for {', '.join(texts)}"
        )
    return parser.parse_function(_HEAD + texts[name])
