"""Answers that many ask for are made once, and for a moment only."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from streamdet.server.kept_answers import KEEP_S, KeptAnswers

NUMBER: TypeAdapter[int] = TypeAdapter(int)


def test_an_answer_is_made_once_until_it_is_old() -> None:
    now_s, made = [100.0], iter(range(10))
    kept = KeptAnswers(lambda: now_s[0])
    assert [kept.json("a", NUMBER, lambda: next(made)) for _ in range(3)] == [b"0"] * 3
    assert kept.json("b", NUMBER, lambda: next(made)) == b"1"
    now_s[0] += KEEP_S
    assert kept.json("a", NUMBER, lambda: next(made)) == b"2"
    assert [*kept._kept] == ["a"]  # nothing grows


def test_what_is_not_as_published_is_no_answer() -> None:
    with pytest.raises(ValidationError):
        KeptAnswers().json("a", NUMBER, lambda: "no number")
