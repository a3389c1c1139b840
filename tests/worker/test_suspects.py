"""The frames that may have ended a worker's process."""

from __future__ import annotations

import json
import signal
from fractions import Fraction
from pathlib import Path

import pytest

from streamdet.errors import EngineError
from streamdet.frame import Frame
from streamdet.messages import FrameMessage
from streamdet.stages.group import News
from streamdet.worker.run_files import End, write_end
from streamdet.worker.suspects import Suspects
from tests.toy_run import detect_plan, run_plan


def frame(index: int) -> FrameMessage:
    return FrameMessage(Frame("cam", index, index, Fraction(1), 1, (4, 4), 0))


def suspects(folder: Path, end: End) -> Suspects:
    """Those of the next process of a worker."""
    plan = detect_plan(run_plan(folder, "cam"))
    write_end(folder, plan.consumer, end)
    return Suspects(plan)


@pytest.mark.parametrize("with_results", [True, False])
def test_the_limit_of_a_frame_ends_with_its_step(tmp_path: Path, *, with_results: bool) -> None:
    """Also where the frame was dropped as stale, or the limit would end what comes after it."""
    tried = suspects(tmp_path, End("hung", 3, within_s=60))
    assert tried.tried(frame(0)).drop_reason is None
    assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 60
    tried.committed(with_results=with_results)
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_the_frame_on_which_processes_end_is_dropped_and_noted(tmp_path: Path) -> None:
    reasons = [suspects(tmp_path, End("boom", 3)).tried(frame(7)).drop_reason for _ in range(2)]
    last = suspects(tmp_path, End("boom", 3))
    reasons.append(last.tried(frame(7)).drop_reason)
    assert reasons == [None, None, "it ended the process of detect 3 times"]
    (letter,) = last.add_to(News()).public
    assert letter.stream == "dead-letters"
    assert json.loads(letter.fields["metadata"])["frame_id"] == 7
    assert last.add_to(News()) == News()


@pytest.mark.parametrize("with_results", [True, False])
def test_three_frames_in_a_row_are_too_many(tmp_path: Path, *, with_results: bool) -> None:
    """Unless frames went well between them."""
    for index in (0, 1):
        given_up = suspects(tmp_path, End("boom", 1))
        assert given_up.tried(frame(index)).drop_reason is not None
        given_up.committed(with_results=with_results)
    third = suspects(tmp_path, End("boom", 1))
    if with_results:
        assert third.tried(frame(2)).drop_reason is not None
    else:
        with pytest.raises(EngineError, match="ended 1 times on each of 3 frames in a row: boom"):
            third.tried(frame(2))
