"""What the command line shows of runs, and how it fails."""

from __future__ import annotations

import json
import math
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

import autolog
from autolog.cli import main

HOSTILE = "\x1b[2J名前\u202e[bold]x[/bold]\udc80\n"
SHOWN = r"\x1b[2J名前\u202e[bold]x[/bold]\udc80\n"


@pytest.fixture
def recorded(store: Path) -> Path:
    """A store with a run of every kind of fact and two children, a failed run, and an experiment of its own."""
    autolog.enable(backend=store, silent=True)
    with autolog.start_run(run_name="first", experiment="other"):
        autolog.log_params({"C": 1, "same": "x"})
    with autolog.start_run(run_name="parent", tags={"team": "risk"}):
        autolog.log_params({"C": 0.5, "layers": (1, 2), "same": "x"})
        autolog.log_param("C", 0.25)
        for step in range(30):
            autolog.log_metrics({"loss": 1 / (step + 1), "gaps": math.nan if step % 2 else 1.0}, step=step)
        autolog.log_metric("endless", math.inf)
        autolog.log_text("hello", "notes/a.txt")
        autolog.log_input([[1.0, 2.0]], context="train", name="X")
        for k in range(2):
            with autolog.start_run(run_name=f"child {k}", nested=True):
                autolog.log_metric("auc", k)
    with pytest.raises(ValueError, match="boom"), autolog.start_run(run_name="broken"):
        raise ValueError("boom [red]")
    return store


def _said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    """Give what a command wrote to stdout, or where it fails to stderr."""
    capsys.readouterr()
    assert main(arguments) == code
    said = capsys.readouterr()
    assert (said.err == "") is (code == 0)
    return said.err if code else said.out


def _document(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """Parse strictly: NaN and Infinity are no JSON."""
    return json.loads(_said(capsys, *arguments, "--json"), parse_constant=pytest.fail)


def _lines(text: str) -> list[list[str]]:
    return [re.split(r" {2,}", line.strip()) for line in text.splitlines()]


# ---- runs


def test_runs_are_listed_newest_first_with_children_under_a_count(
    recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each top-level run has a line with what differs between them, a child none while its parent is listed."""
    lines = _lines(_said(capsys, "runs", "--store", str(recorded)))
    assert [line[1] for line in lines[1:]] == ["broken", "parent", "first"]
    assert lines[0][:7] == ["run", "name", "status", "started", "took", "children", "experiment"]
    assert lines[2][5:7] == ["2", "default"]
    assert "C" in lines[0]
    assert "same" not in lines[0]


def test_a_filter_finds_children_too(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the parent is not among what was found, its children have lines of their own."""
    where = ["--store", str(recorded), "--filter", "metrics.auc >= 0", "--order-by", "metrics.auc ASC"]
    lines = _lines(_said(capsys, "runs", *where, "--columns", "metrics.auc,tags.none"))
    assert [(line[1], line[-1]) for line in lines[1:]] == [("child 0", "0"), ("child 1", "1")]


def test_experiment_and_limit_choose_runs_and_the_rest_is_counted(
    recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--limit` leaves runs out and says how many there are; `--experiment` takes one experiment's."""
    assert "1 of 3 runs; --limit 3 lists all" in _said(capsys, "runs", "--store", str(recorded), "--limit", "1")
    found = _document(capsys, "runs", "--store", str(recorded), "--experiment", "other")
    assert [run["run_name"] for run in found["runs"]] == ["first"]


def test_runs_as_json_keep_their_types(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Numbers are numbers, what JSON has no number for is a word, and children are named by their ids."""
    document = _document(capsys, "runs", "--store", str(recorded), "--limit", "2")
    parent = document["runs"][1]
    assert (document["found"], len(document["runs"])) == (3, 2)
    assert parent["params"] == {"C": 0.25, "layers": [1, 2], "same": "x"}
    assert parent["metrics"]["endless"] == "Infinity"
    assert parent["metrics"]["gaps"] == "NaN"
    assert len(parent["children"]) == 2


@pytest.mark.parametrize("width", [20, 40, 80, 140])
def test_a_table_is_never_wider_than_the_terminal(
    width: int, recorded: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Columns that do not fit are left out, the run's name stays."""
    monkeypatch.setenv("COLUMNS", str(width))
    table = _said(capsys, "runs", "--store", str(recorded))
    assert max(map(cell_len, table.splitlines())) <= width
    assert "parent" in table
    assert ("loss" in table) is (width >= 80)
    _said(capsys, "show", "last", "--store", str(recorded))


def test_an_empty_result_is_said(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A filter that finds nothing is no error."""
    assert _said(capsys, "runs", "--store", str(recorded), "--filter", "params.C > 9").startswith("no such runs in ")


# ---- show


def test_show_tells_everything_about_a_run(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each part that has content is there, a series with its extremes and a chart."""
    (parent,) = (run for run in autolog.search_runs(output_format="list") if run.run_name == "parent")
    page = _said(capsys, "show", parent.run_id[:12], "--store", str(recorded))
    headings = [line for line in page.splitlines()[7:] if line and not line.startswith(" ")]
    headings = [heading for heading in headings if heading != "Environment"]  # it is gathered in its own time
    assert headings == ["Params", "Metrics", "Data", "Artifacts", "Tags", "Children"]
    lines = _lines(page)
    assert ["C", "0.25", "(before: 0.5)"] in lines
    assert [line[:5] for line in lines if line[0] == "loss"] == [["loss", "0.033333", "0.033333", "1", "30"]]
    assert re.search(r"30  █[▁-█]{23}$", page, re.MULTILINE)
    assert ["endless", "inf", "1"] in lines
    assert ["notes/a.txt", "5 bytes"] in lines
    assert re.search(r"X  list 1 x 2 float  train  digest [0-9a-f]{32}", page)
    assert "child 0" in page


def test_show_tells_why_a_run_failed(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The newest run, `last`, shows its traceback as Python printed it."""
    page = _said(capsys, "show", "last", "--store", str(recorded))
    assert page.startswith("broken  FAILED\n")
    assert "\nError\n  Traceback (most recent call last):\n" in page
    assert "\n  ValueError: boom [red]\n" in page


def test_show_as_json_has_every_point(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The document holds the points of each series, the children, and what went wrong."""
    (parent,) = (run for run in autolog.search_runs(output_format="list") if run.run_name == "parent")
    document = _document(capsys, "show", parent.run_id, "--store", str(recorded))
    assert [point["step"] for point in document["history"]["loss"]] == list(range(30))
    assert document["history"]["gaps"][1]["value"] == "NaN"
    assert document["earlier_params"] == {"C": [0.5]}
    assert [child["run_name"] for child in document["children"]] == ["child 0", "child 1"]
    assert _document(capsys, "show", "last", "--store", str(recorded))["error"]["type"] == "builtins.ValueError"


@pytest.mark.parametrize("before", ["", "autolog.enable(silent=True); "])
def test_the_line_that_loads_a_model_loads_it(before: str, store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The line can be pasted into a Python that knows nothing of the run, recording or not, and gives the model."""
    from sklearn.dummy import DummyClassifier

    autolog.enable(backend=store, silent=True)
    DummyClassifier().fit([[0], [1]], [0, 1])
    page = _said(capsys, "show", "last", "--store", str(store))
    assert "sklearn==" in page
    (line,) = re.findall(r"autolog\.load_model\(.*", page)
    program = f"import autolog; {before}print({line.partition('  #')[0]})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("DummyClassifier()\n", "")


def test_an_ambiguous_id_lists_the_candidates(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The beginning of several ids is refused, with the runs that it may mean."""
    said = _said(capsys, "show", "", "--store", str(recorded), code=2)
    assert said.startswith("autolog: 5 runs begin with ''; give more digits:\n")
    assert len(re.findall(r"^  [0-9a-f]{32}  ", said, re.MULTILINE)) == 5


# ---- text of strangers


def test_nothing_recorded_can_steer_the_terminal(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters are shown as escapes, markup as text, in tables, pages and errors alike."""
    autolog.enable(backend=store, silent=True)
    with autolog.start_run(run_name=HOSTILE, tags={HOSTILE: HOSTILE}, experiment=HOSTILE):
        autolog.log_param(HOSTILE, [HOSTILE])
        autolog.log_metric(HOSTILE, 1)
        autolog.log_input([[1]], name=HOSTILE, context=HOSTILE)
    wanted = f"params.{HOSTILE}"
    commands = [["runs"], ["runs", "--columns", wanted], ["show", "last"], ["delete", "last"], ["gc", "--dry-run"]]
    for command in commands:
        said = _said(capsys, *command, "--store", str(store))
        assert [c for c in said if not c.isprintable() and c != "\n"] == []
        assert SHOWN[:8] in said
    said = _said(capsys, "show", HOSTILE, "--store", str(store), code=1)
    assert [c for c in said if not c.isprintable() and c != "\n"] == []


def test_facts_of_a_form_that_nobody_wrote_harm_no_other(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A part that cannot be understood says so; the rest of the page is there, and `--json` has it all."""
    autolog.enable(backend=store, silent=True)
    with autolog.start_run(run_name="odd") as run:
        run.log_facts("model", {"name": 5, "size": "big", "modules": [1]})
        run.log_facts("dataset", {"name": 5, "shape": 7, "columns": [3]})
        run.log_facts("signature", {"inputs": [4]})
        run.log_facts("environment", {"packages": ["a"], "host": {"b": 1}})
        autolog.log_metric("auc", 0.5, timestamp=-(10**12))
    page = _said(capsys, "show", "last", "--store", str(store))
    assert re.findall(r"^(\w+)\n  \(cannot be shown: ", page, re.MULTILINE) == ["Data", "Signature", "Models"]
    assert re.search(r"^  auc +0\.5 ", page, re.MULTILINE)
    assert _document(capsys, "show", "last", "--store", str(store))["models"][0]["size"] == "big"


def test_a_terminal_without_the_characters_gets_their_escapes(recorded: Path) -> None:
    """Where stdout is ASCII nothing fails, and no chart is drawn."""
    command = [sys.executable, "-m", "autolog", "show", "last", "--store", str(recorded)]
    with autolog.start_run(run_name="名前"):
        autolog.log_metric("a", 1, step=0)
        autolog.log_metric("a", 2, step=1)
    done = subprocess.run(command, env={**os.environ, "PYTHONIOENCODING": "ascii"}, capture_output=True, timeout=60)
    assert done.returncode == 0
    assert done.stdout.startswith(rb"\u540d\u524d  FINISHED")
    assert rb"\u2588" not in done.stdout


# ---- failing


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["runs", "--filter", "metrics.auc >"], 2, "\n  metrics.auc >\n               ^\n"),
        (["runs", "--order-by", "metrics.auc SIDEWAYS"], 2, "\n              ^\n"),
        (["runs", "--columns", "auc"], 2, "--columns auc: a column is named as in a filter"),
        (["runs", "--limit", "0"], 2, "see `autolog runs --help`"),
        (["show", "nope"], 1, "no run 'nope' in"),
        (["show"], 2, "Missing argument 'RUN'; see `autolog show --help`"),
        (["frobnicate"], 2, "No such command 'frobnicate'"),
        (["gc", "--older-than", "yesterday"], 2, "--older-than yesterday: give a date such as"),
    ],
)
def test_an_error_is_one_clear_line_and_a_code(
    arguments: list[str], code: int, message: str, recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Usage is 2, failure is 1; a filter's error alone has two lines more, which point at the place."""
    autolog.enable(backend=recorded)
    said = _said(capsys, *arguments, code=code)
    assert said.startswith("autolog: ")
    assert message in said
    assert said.count("\n") == (3 if "^" in said else 1)


@pytest.mark.parametrize("command", [["runs"], ["show", "last"], ["delete", "last"], ["gc"]])
def test_a_store_that_does_not_exist_is_an_error(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No folder is made by looking for one."""
    said = _said(capsys, *command, "--store", "absent", code=1)
    assert said.startswith(f"autolog: there are no runs in {tmp_path}/absent: no such folder")
    assert list(tmp_path.iterdir()) == []


def test_a_setting_that_cannot_be_read_is_an_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The place that is recorded to is not known then."""
    monkeypatch.setenv("AUTOLOG_LOG_MODELS", "maybe")
    assert "log_models must be True or False" in _said(capsys, "runs", code=2)


@pytest.mark.parametrize("lines", [0, 1])
def test_a_reader_that_leaves_is_no_error(lines: int, recorded: Path) -> None:
    """`autolog runs --json | head -1` ends quietly, and so does one whose reader has gone before the first byte."""
    with autolog.start_run():
        autolog.log_params({f"p{index}": "x" * 500 for index in range(500 * lines)})
    command = [sys.executable, "-m", "autolog", "runs", "--json", "--store", str(recorded)]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=buffered) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert [process.stdout.readline() for _ in range(lines)] == [b"{\n"] * lines
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 141


def _in_a_terminal(command: list[str], **variables: str) -> bytes:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm", **variables})
    os.close(theirs)
    said = b""
    try:
        while block := os.read(ours, 4096):
            said += block
    except OSError:  # so Linux tells that the other end was closed
        pass
    os.close(ours)
    assert process.wait(60) == 0
    return said


def test_colours_are_for_terminals_that_want_them(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A terminal gets colours, with NO_COLOR none, and a pipe no escape at all."""
    command = [sys.executable, "-m", "autolog", "runs", "--store", str(recorded)]
    assert b"\x1b[31mFAILED" in _in_a_terminal(command)
    assert b"\x1b[3" not in _in_a_terminal(command, NO_COLOR="1")
    assert "\x1b" not in _said(capsys, "runs", "--store", str(recorded))


# ---- starting


def test_commands_import_only_what_they_need() -> None:
    """`import autolog` imports neither library of the command line, and `--version` not the one for tables."""
    program = (
        "import sys, autolog; print('click' in sys.modules, 'rich' in sys.modules)\n"
        "from autolog.cli import main; main(['--version']); print('rich' in sys.modules, 'lark' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout == f"False False\nautolog {autolog.__version__}\nFalse False\n"


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """The command alone, `--help` and `version` answer."""
    assert _said(capsys) == _said(capsys, "--help")
    shown = re.findall(r"^  (\w+) {2,}\S", _said(capsys).partition("Commands:")[2], re.MULTILINE)
    assert shown == ["run", "runs", "show", "ui", "delete", "gc", "compact", "sync", "doctor", "version"]
    assert _said(capsys, "version") == _said(capsys, "--version")
