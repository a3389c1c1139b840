"""Proposals that come into a network from outside: SPP-net's and Fast R-CNN's second input.

Their number P is fixed; rows without an area fill it up and never become detections. B pictures.
"""

from __future__ import annotations

from typing import Final

from torch import Tensor

from streamdet.networks.region_proposals import Proposals
from streamdet.ops.boxes import is_large_enough

INPUT_NAME: Final = "proposals"
"""Of the input, and of the option that states P."""

_MIN_SIDE: Final = 1e-3  # pixels; as of the proposals of an RPN


def given(xyxy: Tensor) -> Proposals:
    """Tell proposals (B, P, 4), pixels, from the rows that fill up; they score 1 and 0."""
    is_proposal = is_large_enough(xyxy, _MIN_SIDE)
    return Proposals(xyxy, is_proposal.to(xyxy.dtype), is_proposal)
