"""Attributes that are found out when they are asked for."""

from __future__ import annotations

import threading

from autolog.lazy import lazy


class Slow:
    """Finds something out, which may take its time.

    Args:
        answer: what is waited for.
    """

    def __init__(self, answer: threading.Event) -> None:
        self.asked = 0
        self._answer = answer

    @lazy
    def found(self) -> int:
        """How often it was found out."""
        self.asked += 1
        assert self._answer.wait(60)
        return self.asked


def test_it_is_found_out_once() -> None:
    """It is kept, by each instance for itself; the class has its documentation."""
    answer = threading.Event()
    answer.set()
    one, other = Slow(answer), Slow(answer)
    assert (one.found, one.found, one.asked, other.asked, other.found) == (1, 1, 1, 0, 1)
    assert Slow.found.__doc__ == "How often it was found out."


def test_nobody_waits_for_another() -> None:
    """While one instance finds it out no lock is held: another does so meanwhile, and so does a forked child."""
    answer, at_once = threading.Event(), threading.Event()
    at_once.set()
    waiting = Slow(answer)
    thread = threading.Thread(target=lambda: waiting.found)
    thread.start()
    done = threading.Event()
    threading.Thread(target=lambda: (Slow(at_once).found, done.set()), daemon=True).start()
    assert done.wait(30)
    answer.set()
    thread.join()
    assert waiting.found == 1
