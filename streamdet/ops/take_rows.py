"""Picks rows of every image of a batch; exports as one Gather."""

from __future__ import annotations

import torch
from torch import Tensor


def take_rows(values: Tensor, rows: Tensor) -> Tensor:
    """Pick rows of each image: result[b, k] = values[b, rows[b, k]].

    Args:
        values: (B, N, ...).
        rows: (B, K) int64, 0..N - 1.

    Returns:
        (B, K, ...).
    """
    first = torch.arange(values.shape[0], device=rows.device)[:, None] * values.shape[1]
    taken = values.flatten(0, 1).index_select(0, (rows + first).flatten())
    return taken.view(*rows.shape, *values.shape[2:])
