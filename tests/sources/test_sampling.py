"""Which frames are emitted."""

from __future__ import annotations

from fractions import Fraction

import pytest
from pydantic import ValidationError

from streamdet.sources.sampling import Sampler, SamplingOptions, exact_rate


def kept(options: SamplingOptions, times: list[Fraction | None], rate: int | None) -> list[int]:
    """Numbers of the frames that are emitted."""
    sampler = Sampler(options, None if rate is None else Fraction(rate))
    numbers: list[int] = []
    last_slot = None
    for number, time_s in enumerate(times):
        slot = sampler.slot(number, time_s)
        if sampler.keeps(number, slot, last_slot):
            numbers.append(number)
            last_slot = slot
    return numbers


def at_rate(rate: int, count: int) -> list[Fraction | None]:
    return [Fraction(number, rate) for number in range(count)]


def test_every_third_frame_starts_with_the_first() -> None:
    assert kept(SamplingOptions(every=3), at_rate(25, 8), 25) == [0, 3, 6]


def test_a_target_rate_takes_the_first_frame_of_each_slot() -> None:
    assert kept(SamplingOptions(fps=10), at_rate(25, 10), 25) == [0, 3, 5, 8]


def test_a_target_rate_emits_so_many_a_second() -> None:
    assert len(kept(SamplingOptions(fps=7), at_rate(30, 300), 30)) == 70


def test_the_source_rate_as_target_drops_nothing_though_times_are_rounded() -> None:
    milliseconds: list[Fraction | None] = [Fraction(round(n * 1000 / 30), 1000) for n in range(300)]
    assert len(kept(SamplingOptions(fps=30), milliseconds, 30)) == 300


def test_a_target_above_the_source_rate_drops_nothing() -> None:
    assert len(kept(SamplingOptions(fps=100), at_rate(25, 50), 25)) == 50


def test_variable_rates_are_sampled_by_time_and_not_by_number() -> None:
    times: list[Fraction | None] = [Fraction(n, 10) for n in (0, 1, 2, 3, 20, 40, 41)]
    assert kept(SamplingOptions(fps=1), times, 25) == [0, 4, 5]


def test_frames_without_pts_are_timed_by_the_nominal_rate() -> None:
    assert kept(SamplingOptions(fps=5), [None] * 10, 10) == [0, 2, 4, 6, 8]
    assert kept(SamplingOptions(fps=5), [None] * 11, None) == [0, 5, 10]


def test_every_and_fps_together_are_refused() -> None:
    with pytest.raises(ValidationError, match="wanted every or fps, got both: every 2, fps 5"):
        SamplingOptions(every=2, fps=5)


@pytest.mark.parametrize(
    ("rate", "exact"),
    [
        (29.97, Fraction(30000, 1001)),
        (23.976, Fraction(24000, 1001)),
        (59.94006, Fraction(60000, 1001)),
        (25.0, Fraction(25)),
        (12.5, Fraction(25, 2)),
        (29.9, Fraction(299, 10)),
        (1 / 3, Fraction(1, 3)),
        (0.999, Fraction(1000, 1001)),
        (0.0001, Fraction(1, 10_000)),
        (1e-5, Fraction(1, 100_000)),
    ],
)
def test_a_decimal_rate_stands_for_an_exact_one(rate: float, exact: Fraction) -> None:
    assert exact_rate(rate) == exact


def test_an_ntsc_target_drops_nothing_of_an_ntsc_source() -> None:
    assert Sampler(SamplingOptions(fps=29.97), Fraction(30000, 1001)).count(10**7) == 10**7


def test_the_interval_is_that_of_emitted_frames() -> None:
    tick = Fraction(1, 25)
    assert Sampler(SamplingOptions(every=3), None).interval(tick) == Fraction(3, 25)
    assert Sampler(SamplingOptions(fps=5), None).interval(tick) == Fraction(1, 5)


@pytest.mark.parametrize(
    ("options", "rate", "count"),
    [
        (SamplingOptions(), 25, 10),
        (SamplingOptions(every=4), 25, 3),
        (SamplingOptions(fps=5), 25, 2),
        (SamplingOptions(fps=5), None, None),
    ],
)
def test_the_count_is_what_is_emitted(
    options: SamplingOptions, rate: int | None, count: int | None
) -> None:
    sampler = Sampler(options, None if rate is None else Fraction(rate))
    assert sampler.count(10) == count
    assert sampler.count(None) is None


@pytest.mark.parametrize("options", [{"every": 0}, {"fps": 0}, {"fps": float("nan")}, {"evry": 2}])
def test_wrong_options_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        SamplingOptions.model_validate(options)
