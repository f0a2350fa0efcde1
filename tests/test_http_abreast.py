"""Work that is done a few pieces at a time."""

from __future__ import annotations

import threading

import pytest

from autolog_http.abreast import abreast


@pytest.mark.parametrize("threads", [1, 4])
def test_each_piece_is_done_once(threads: int) -> None:
    """However many threads there are."""
    done: list[int] = []
    abreast(done.append, range(1000), threads)
    assert sorted(done) == list(range(1000))


def test_pieces_are_done_at_the_same_time() -> None:
    """Four pieces that wait for each other come to an end."""
    meeting = threading.Barrier(4, timeout=30)
    abreast(lambda _: meeting.wait(), range(4), 4)


def test_a_failure_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a piece raises is raised, and no more are begun; also where no thread can be started."""

    def cannot(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", cannot)
    done: list[int] = []

    def work(piece: int) -> None:
        done.append(piece)
        if piece == 2:
            raise ValueError("two")

    with pytest.raises(ValueError, match="two"):
        abreast(work, range(10), 4)
    assert done == [0, 1, 2]
