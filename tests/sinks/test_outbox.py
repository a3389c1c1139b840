"""The queue of events that wait: each once, in order, over the death of its process."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.errors import ConfigError
from streamdet.sinks.outbox import Letter, Outbox


def letters(text: str) -> list[Letter]:
    return [Letter(each, "door/zone_enter", each.encode()) for each in text]


def emptied(outbox: Outbox) -> str:
    """The ids of all that waited, taken one by one."""
    ids = ""
    while (letter := outbox.oldest()) is not None:
        ids += letter.id
        outbox.remove(letter)
    return ids


def test_what_a_worker_hands_in_again_is_taken_once(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    first = Outbox(path, "run-1", 10)
    first.put(0, letters("ab"))
    first.put(2, letters("cd"))
    first.close()  # the worker dies, and the next one begins with what was committed last
    second = Outbox(path, "run-1", 10)
    second.put(2, letters("cd"))
    second.put(4, letters("e"))
    assert emptied(second) == "abcde"
    second.put(4, letters("e"))  # delivered already
    assert emptied(second) == ""
    second.close()


def test_a_batch_of_which_a_part_is_there_is_taken_from_there_on() -> None:
    outbox = Outbox(None, "run-1", 10)
    outbox.put(0, letters("abc"))
    outbox.put(1, letters("bcd"))
    assert emptied(outbox) == "abcd"
    outbox.close()


def test_another_run_counts_from_its_own_beginning(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    earlier = Outbox(path, "run-1", 10)
    earlier.put(0, letters("ab"))
    earlier.close()
    later = Outbox(path, "run-2", 10)
    later.put(0, letters("cd"))
    assert emptied(later) == "abcd"
    later.close()


def test_of_too_many_the_oldest_go_and_are_counted() -> None:
    outbox = Outbox(None, "run-1", 3)
    outbox.put(0, letters("ab"))
    outbox.put(2, letters("cde"))
    assert (len(outbox), outbox.lost, emptied(outbox)) == (3, 2, "cde")
    outbox.close()


def test_a_closed_queue_is_empty_and_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    outbox = Outbox(path, "run-1", 3)
    outbox.put(0, letters("a"))
    letter = outbox.oldest()
    assert letter is not None
    outbox.close()
    outbox.close()
    outbox.remove(letter)
    assert outbox.oldest() is None
    again = Outbox(path, "run-1", 3)
    assert len(again) == 1
    again.close()


def test_a_file_that_is_no_queue_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    path.write_text("my diary\n" * 100)
    with pytest.raises(ConfigError, match=r"cannot use the queue .*queue\.db: file is not a"):
        Outbox(path, "run-1", 3)
    assert path.read_text() == "my diary\n" * 100
