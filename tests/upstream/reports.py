"""Reads what `outcomes.py` wrote of two runs of the same tests, and tells where they differ."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Report", "differences"]


@dataclass
class Report:
    """What came of the tests of one process.

    Args:
        outcomes: by test: a line for each phase that did not simply pass.
        warnings: by test: how often each warning came.
        randoms: by test: the random states it left.
        details: by test: the tracebacks of its failures.
        left: what was left in the process at its end; empty where it did not get there.
        said: the lines on autolog's logger.
        seconds: how long all of it took.
        in_time: whether it ended before the time limit.
        runs: how many top-level runs were recorded.
    """

    outcomes: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    warnings: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    randoms: dict[str, str] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    left: dict[str, Any] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    seconds: float = 0.0
    in_time: bool = False
    runs: int = 0

    @classmethod
    def read(cls, path: Path, errors: Path) -> Report:
        """Read the files of one process."""
        report = cls(said=errors.read_text().splitlines() if errors.exists() else [])
        for line in path.read_text().splitlines() if path.exists() else []:
            report._take(json.loads(line))
        return report

    def _take(self, facts: dict[str, Any]) -> None:
        if "warning" in facts:
            self.warnings[facts["test"]][facts["warning"]] += 1
        elif "random" in facts:
            self.randoms[facts["test"]] = facts["random"]
        elif "left" in facts:
            self.left = facts["left"]
        elif "seconds" in facts:
            self.seconds, self.in_time, self.runs = facts["seconds"], facts["in_time"], facts["runs"]
        else:
            self._take_outcome(**facts)

    def _take_outcome(self, test: str, phase: str, outcome: str, why: str, details: str) -> None:
        if outcome == "passed":
            self.outcomes[test]  # a test is known by the phases that passed too
        else:
            self.outcomes[test].append(f"{outcome} ({phase}): {why}")
        if details:
            self.details[test] = self.details.get(test, "") + details

    def summary(self) -> str:
        """Count the outcomes."""
        words = Counter(lines[0].split()[0] if lines else "passed" for lines in self.outcomes.values())
        counts = ", ".join(f"{count} {word}" for word, count in words.most_common())
        return f"{counts or 'nothing'} in {self.seconds:.0f} s"


def differences(bare: Report, ours: Report) -> list[str]:
    """Give a line for each thing in which the report with autolog differs from the bare one."""
    return [
        *(f"{name}: ran out of time" for name, each in (("bare", bare), ("autolog", ours)) if not each.in_time),
        *([] if bare.outcomes else ["no tests were found"]),
        *_outcomes(bare, ours),
        *_warnings(bare, ours),
        *(
            f"{test}: drew other random numbers"
            for test in bare.randoms
            if bare.randoms[test] != ours.randoms.get(test)
        ),
        *_left(bare, ours),
        *(f"on the logger: {line}" for line in dict.fromkeys(ours.said)),
    ]


def _outcomes(bare: Report, ours: Report) -> Iterator[str]:
    for test in sorted({*bare.outcomes, *ours.outcomes}):
        before, after = (_words(report, test) for report in (bare, ours))
        if before != after:
            yield f"{test}: {before} became {after}"
            yield from (f"    {line}" for line in ours.details.get(test, "").splitlines()[-12:])


def _words(report: Report, test: str) -> str:
    return "; ".join(report.outcomes[test]) or "passed" if test in report.outcomes else "not run"


def _warnings(bare: Report, ours: Report) -> Iterator[str]:
    for test in sorted({*bare.warnings, *ours.warnings}):
        before, after = bare.warnings.get(test, Counter()), ours.warnings.get(test, Counter())
        yield from (f"{test}: {count} more of {warning}" for warning, count in (after - before).items())
        yield from (f"{test}: {count} less of {warning}" for warning, count in (before - after).items())


def _left(bare: Report, ours: Report) -> Iterator[str]:
    for name, left in bare.left.items():
        before, after = Counter(left), Counter(ours.left.get(name, ()))
        for lasting in ("autolog-writer", "autolog-afterwards"):  # end with the process, as facts come to its last
            after.pop(lasting, None)
        yield from (f"left at the end: {count} more, {name}: {each}" for each, count in (after - before).items())
        yield from (f"left at the end: {count} less, {name}: {each}" for each, count in (before - after).items())
