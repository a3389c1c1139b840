"""Parts of files that are cut decode bit for bit as in the whole file."""

from __future__ import annotations

import itertools
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest

from streamdet.errors import SourceError
from streamdet.sources import Position
from streamdet.sources.cut import is_not_exact
from streamdet.sources.file import FileOptions, FileSource, SegmentOptions
from streamdet.sources.keyframes import read_facts

SEGMENT_S = 0.5
START = Position()

CUT = {
    "videos/driving.mp4": 8,
    "videos/people-crowd.mp4": 2,
    "videos/vehicles-road.mp4": 6,
    "media/androidx/bbb_642x642_768kbps_30fps_vp9.webm": 3,
    "media/androidx/bbb_800x640_768kbps_30fps_avc_pyramid_3b.mp4": 4,
    "media/androidx/edit_list_positive_shift.mp4": 2,
    "media/androidx/sample_fragmented_seekable_multiple_sidx.mp4": 3,
}
"""File -> parts of about half a second, where its keyframes allow it."""

WHOLE = {
    "videos/pets09-s2l1.avi": "a seek in avi is not exact",
    "videos/tud-campus.mp4": "keyframes of mpeg4 may need frames before them",
    "videos/person-720p.mp4": "no keyframe in it can be decoded by itself",
}

Frame = tuple[int | None, int, bytes]


def frames(path: Path, options: FileOptions, start: Position = START) -> list[Frame]:
    """Every frame: its pts, its duration, a hash of its image."""
    source = FileSource(str(path), options)
    return [
        (frame.pts, frame.duration, blake2b(frame.image.bgr().tobytes(), digest_size=8).digest())
        for frame in source.frames(start)
    ]


def parts(cuts: tuple[int, ...], **options: Any) -> list[SegmentOptions]:
    edges = [None, *cuts, None]
    return [
        SegmentOptions(begin=begin, end=end, **options) for begin, end in itertools.pairwise(edges)
    ]


SLOW = ("edit_list", "sample_fragmented", "bbb_800x640", "vehicles-road", "driving")


def cases() -> list[Any]:
    """The files; of images as large as these the comparison takes seconds."""
    return [
        pytest.param(
            name,
            count,
            id=Path(name).stem,
            marks=[pytest.mark.nightly] if Path(name).stem.startswith(SLOW) else [],
        )
        for name, count in CUT.items()
    ]


@pytest.mark.parametrize(("name", "count"), cases())
def test_the_parts_of_a_file_are_the_file(name: str, count: int, data: Path) -> None:
    facts = read_facts(data / name, FileOptions(), SEGMENT_S)
    options = parts(facts.cuts)
    assert (len(options), facts.why_whole) == (count, "")
    found = [frame for each in options for frame in frames(data / name, each)]
    assert found == frames(data / name, FileOptions())


@pytest.mark.parametrize(("name", "why"), WHOLE.items(), ids=[Path(name).stem for name in WHOLE])
def test_a_file_that_cannot_be_cut_exactly_stays_whole(name: str, why: str, data: Path) -> None:
    facts = read_facts(data / name, FileOptions(), SEGMENT_S)
    assert (facts.cuts, facts.why_whole) == ((), why)


def test_a_sampled_file_stays_whole(data: Path) -> None:
    facts = read_facts(data / "videos/driving.mp4", FileOptions(every=2), SEGMENT_S)
    assert (facts.cuts, facts.why_whole) == ((), "frames are sampled by `every` or `fps`")


def test_the_keyframes_of_the_parts_are_those_of_the_file(data: Path) -> None:
    path = data / "videos/driving.mp4"
    options = parts(read_facts(path, FileOptions(), SEGMENT_S).cuts, keyframes_only=True)
    found = [frame for each in options for frame in frames(path, each)]
    assert found == frames(path, FileOptions(keyframes_only=True))


def test_a_part_is_resumed_in_its_middle(data: Path) -> None:
    path = data / "videos/people-crowd.mp4"
    part = parts(read_facts(path, FileOptions(), SEGMENT_S).cuts)[1]
    source = FileSource(str(path), part)
    whole = frames(path, part)
    positions = [frame.position for frame in source.frames(Position())]
    for index in (10, 60):  # before and behind the number from which on it seeks
        assert frames(path, part, positions[index - 1]) == whole[index:]


def test_a_part_that_does_not_begin_with_a_keyframe_is_refused(data: Path) -> None:
    path = data / "videos/people-crowd.mp4"
    second_pts = frames(path, FileOptions())[1][0]
    assert second_pts is not None
    with pytest.raises(SourceError) as caught:
        frames(path, SegmentOptions(begin=second_pts))
    assert is_not_exact(str(caught.value))


def test_a_part_behind_the_end_of_a_file_is_refused(data: Path) -> None:
    with pytest.raises(SourceError) as caught:
        frames(data / "videos/people-crowd.mp4", SegmentOptions(end=1 << 40))
    assert is_not_exact(str(caught.value))


@pytest.mark.nightly
def test_no_file_of_the_corpus_is_cut_wrongly(data: Path) -> None:
    compared = 0
    for path in sorted(data.glob("media/*/*")):
        try:
            cuts = read_facts(path, FileOptions(), SEGMENT_S).cuts
            whole = frames(path, FileOptions())
        except SourceError:
            continue
        if not cuts:
            continue
        try:
            found = [frame for each in parts(cuts) for frame in frames(path, each)]
        except SourceError as exc:
            assert is_not_exact(str(exc)), path
            continue
        assert found == whole, path
        compared += 1
    assert compared >= 6
