"""The call of turn.lua: see turns.py."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

import msgpack

from streamdet.transport.bus import GroupLayout, Lease
from streamdet.transport.turns import GAIN, LOST_MS, SPREAD, STEEPEST, Share, Turn

TURN_SCRIPT: Final = files("streamdet.transport").joinpath("turn.lua").read_text()


def pack_turn(lease: Lease, group: GroupLayout, share: Share, turn: Turn) -> bytes:
    """Pack a camera's question for turn.lua."""
    values = {
        "share": share.name,
        "slots": share.slots,
        "least": share.least,
        "widest": share.widest,
        "groups": "\n".join((lease.group, *group.sinks_downstream)),
        "gain": GAIN,
        "spread": SPREAD,
        "steepest": STEEPEST,
        "first": share.first,
        "lost": LOST_MS,
        "source": turn.source_id,
        "index": turn.index,
        "most": turn.most,
        "wanted": turn.wanted_ms,
        "patience": turn.patience_ms,
        "now": turn.now_ms,
    }
    # The old raw type: the MessagePack inside Redis 7 knows neither bin nor str8.
    packed: bytes = msgpack.packb(values, use_bin_type=False)
    return packed
