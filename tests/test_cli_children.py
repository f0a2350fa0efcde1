"""The children of a search, as `autolog show` lists them while it runs and afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

import autolog
from autolog.cli import main
from autolog.recording.candidates import candidate, log_split


def children(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The part of the page of the last run."""
    assert main(["show", "last"]) == 0
    return capsys.readouterr().out.partition("Children\n")[2].splitlines()


def test_candidates_are_listed_best_first(
    store: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By mean score while the search runs, by rank afterwards, each with its splits and params on a narrow terminal."""
    monkeypatch.setenv("COLUMNS", "80")
    autolog.enable(backend=store, silent=True)
    with autolog.start_run() as run:
        for number, scores in enumerate([(0.5, 0.5), (0.75, 0.75), (float("nan"),) * 2, (0.625,), ()]):
            child = candidate(run, number, f"candidate {number}", lambda n=number: {"C": n + 0.5, "same": 1}, splits=2)
            for split, score in enumerate(scores):
                error = {"type": "E", "message": "", "traceback": ""} if score != score else None
                log_split(child, split, {"split_fit_time": 0.1, "split_test_score": score}, error)
        counts, header, *rows = children(capsys)
        assert counts.split(", ") == ["  2 FINISHED", "2 RUNNING", "1 FAILED"]
        assert header.split()[:6] == ["run", "name", "status", "splits", "mean_test_score", "C"]
        assert [row.split()[1:7] for row in rows] == [
            ["candidate", "1", "FINISHED", "2", "0.75", "1.5"],
            ["candidate", "3", "RUNNING", "1", "0.625", "3.5"],
            ["candidate", "0", "FINISHED", "2", "0.5", "0.5"],
            ["candidate", "2", "FAILED", "2", "nan", "2.5"],
            ["candidate", "4", "RUNNING", "0", "4.5"],
        ]
        for number, rank in enumerate([1, 2, 4, 3]):
            run.child(number, "").log_series({"rank_test_score": [rank]})
    assert [row.split()[2] for row in children(capsys)[2:]] == ["0", "1", "3", "2", "4"]


def test_more_candidates_than_a_page_has_room_for(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The best are listed, all are counted, and a line says how to see the rest."""
    autolog.enable(backend=store, silent=True)
    with autolog.start_run() as run:
        for number in range(30):
            child = candidate(run, number, f"candidate {number}", lambda n=number: {"C": n}, splits=1)
            log_split(child, 0, {"split_test_score": number / 30})
    counts, _, *rows, more = children(capsys)
    assert counts == "  30 FINISHED"
    assert [row.split()[2] for row in rows] == [str(number) for number in range(29, 9, -1)]
    assert more == f"""  … 10 more: autolog runs --filter "attributes.parent_run_id = '{run.run_id}'\""""
