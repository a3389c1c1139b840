"""What is encrypted for a run only that run can read."""

from __future__ import annotations

import pytest

from streamdet.errors import TransportError
from streamdet.transport.sealing import Unsealer, sealed


def test_the_run_reads_what_was_sealed_for_it() -> None:
    run = Unsealer()
    box = sealed(b"canary", run.public_key)
    assert b"canary" not in box
    assert run.unsealed(box) == b"canary"


@pytest.mark.parametrize("box", [b"", b"no box", bytes(100)])
def test_what_was_not_sealed_for_it_is_refused(box: bytes) -> None:
    with pytest.raises(TransportError, match="not meant for this run"):
        Unsealer().unsealed(box or sealed(b"x", Unsealer().public_key))


def test_a_key_that_is_none_is_refused() -> None:
    with pytest.raises(TransportError, match="public key cannot be read"):
        sealed(b"x", b"short")
