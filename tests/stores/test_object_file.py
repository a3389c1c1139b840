"""An object is read as a file is, in few requests, and hardly any byte twice."""

from __future__ import annotations

import random

from streamdet.stores.object_file import FIRST, MOST, ObjectFile

CONTENT = random.Random(1).randbytes(5 * MOST + 777)


class Requests:
    def __init__(self, content: bytes = CONTENT) -> None:
        self.ranges: list[tuple[int, int]] = []
        self._content = content

    def read(self, begin: int, end: int) -> bytes:
        self.ranges.append((begin, end))
        return self._content[begin:end]

    @property
    def total(self) -> int:
        return sum(end - begin for begin, end in self.ranges)


def test_reading_it_all_reads_every_byte_once_in_ever_larger_requests() -> None:
    requests = Requests()
    assert ObjectFile(requests.read, len(CONTENT)).readall() == CONTENT
    assert requests.total == len(CONTENT)
    sizes = [end - begin for begin, end in requests.ranges]
    assert sizes[:3] == [FIRST, 2 * FIRST, 4 * FIRST]
    assert max(sizes) == MOST


def test_a_jump_asks_for_little_and_what_was_read_before_is_kept() -> None:
    requests = Requests()
    file = ObjectFile(requests.read, len(CONTENT))
    assert file.read(10) == CONTENT[:10]
    assert file.seek(-20, 2) == len(CONTENT) - 20
    assert file.read(100) == CONTENT[-20:]
    file.seek(5)
    assert file.read(5) == CONTENT[5:10]
    assert requests.ranges == [(0, FIRST), (len(CONTENT) - 20, len(CONTENT))]


def test_a_small_object_is_one_request_wherever_it_is_read_first() -> None:
    requests = Requests(CONTENT[:MOST])
    file = ObjectFile(requests.read, MOST)
    file.read(1)
    file.seek(MOST - 1)
    assert file.read(2) == CONTENT[MOST - 1 : MOST]
    assert requests.ranges == [(0, MOST)]


def test_nothing_is_asked_for_behind_the_end_or_of_an_empty_object() -> None:
    requests = Requests()
    file = ObjectFile(requests.read, len(CONTENT))
    file.seek(10 * len(CONTENT))
    assert file.read(1) == b""
    assert ObjectFile(requests.read, 0).read(4096) == b""
    assert requests.ranges == []
