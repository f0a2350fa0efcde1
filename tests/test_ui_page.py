"""The page of `autolog ui`, used as a person uses it: by clicking and typing, over what real trainings left."""

from __future__ import annotations

import contextlib
import csv
import gzip
import json
import re
import shutil
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("sklearn")
pytest.importorskip("playwright")
from playwright.sync_api import expect, sync_playwright

import autolog
from autolog import session
from autolog.journal.events import Event, encode_line
from browser import ARGUMENTS, CHROMIUM, Seen, served

if not CHROMIUM.exists():
    pytest.skip("no browser: apt-get install -y chromium", allow_module_level=True)

PATIENCE = 10_000  # ms; a machine may be busy
expect.set_options(timeout=PATIENCE)

TRAINING = """
import math, sys, warnings
import autolog
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

warnings.simplefilter("ignore")
autolog.enable(backend=sys.argv[1], silent=True, experiment="cancer")
rows, labels = load_breast_cancer(return_X_y=True, as_frame=True)
model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, labels)
accuracy_score(labels, model.predict(rows))
log_loss(labels, model.predict_proba(rows)[:, 1])
RandomForestClassifier(10, random_state=0).fit(rows, labels)
grid = {"C": [0.1, 1.0, 10.0], "fit_intercept": [True, False]}
GridSearchCV(LogisticRegression(solver="liblinear"), grid, cv=3).fit(rows, labels)

autolog.set_experiment("steps")
for rate in (0.1, 0.03):
    with autolog.start_run(run_name=f"hand-{rate}"):
        autolog.log_params({"rate": rate, "optimizer": "sgd"})
        for step in range(3000):
            autolog.log_metric("loss", 9.0 if step == 1234 else math.exp(-rate * step / 100), step=step)
            autolog.log_metric("holes", math.nan if step % 100 == 50 else step, step=step)
        autolog.log_text("first line", "notes.txt")
        autolog.log_dict({"depth": [1, 2]}, "settings.json")
        autolog.log_text("name,size\\nant,1\\n", "animals.csv")
        autolog.log_text("<h1>A page</h1><script>alert(1)</script>", "page.html")
        autolog.log_image(np.array([[0, 255], [255, 0]], "uint8"), "dots.png")
try:
    with autolog.start_run(run_name="broken"):
        raise ValueError("the rows ended early")
except ValueError:
    pass
"""

SEARCH = """
import sys, time, warnings
import autolog
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.tree import DecisionTreeClassifier



def patient(estimator, rows, labels):
    time.sleep(0.2)
    return estimator.score(rows, labels)

autolog.enable(backend=sys.argv[1], silent=True)
grid = {"max_depth": list(range(1, 9))}
GridSearchCV(DecisionTreeClassifier(), grid, cv=2, scoring=patient).fit(*load_iris(return_X_y=True))
"""


def trained(folder: Path, program: str) -> Path:
    """The store that a program of its own leaves."""
    (folder / "train.py").write_text(program)
    done = subprocess.run([sys.executable, "train.py", "runs"], cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return folder / "runs"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser for all tests; what the driver does with the ends of children is undone."""
    handler = signal.getsignal(signal.SIGCHLD)
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield opened
        opened.close()
    signal.signal(signal.SIGCHLD, handler)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a pipeline, a forest, a search, two runs by hand, and one that failed."""
    return trained(tmp_path_factory.mktemp("trained"), TRAINING)


@pytest.fixture(scope="module")
def base(runs: Path) -> Iterator[str]:
    """The address of a server over that store."""
    with served(runs) as address:
        yield address.rstrip("/")


Open = Callable[..., Seen]
Serve = Callable[[Path], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves stores until the windows are closed."""
    with contextlib.ExitStack() as servers:
        yield lambda store: servers.enter_context(served(store))


@pytest.fixture
def look(browser: Any, serve: Serve) -> Iterator[Open]:
    """Opens pages, each in a window of its own; in the end none may have done what no page may."""
    opened: list[Seen] = []

    def open_page(base: str, *, theme: str = "light", width: int = 1280) -> Seen:
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=theme)
        opened.append(Seen(context.new_page(), base.rstrip("/")))
        return opened[-1]

    yield open_page
    for seen in opened:
        seen.page.context.close()
    assert [fault for seen in opened for fault in seen.faults] == []


@pytest.fixture
def seen(look: Open, base: str) -> Seen:
    """A window on the trained store."""
    return look(base)


def names(page: Any) -> list[str]:
    """The names in the table, from the top."""
    expect(page.locator(".row .cell.first a").first).to_be_visible()
    rows = page.locator(".row").all()
    return [row.locator(".first a").text_content() for row in sorted(rows, key=lambda row: row.bounding_box()["y"])]


def run_id(runs: Path, name: str) -> str:
    """The id of the run of that name."""
    (run,) = [run for run in session.get().open_store(runs).runs() if run.run_name == name]
    return str(run.run_id)


def drag(page: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Press the mouse at one place of the window, and let go of it at another."""
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=4)
    page.mouse.up()


def drag_over_curve(page: Any, low: float, high: float) -> None:
    """Drag over the one curve of the page, from one share of its width to another."""
    area = page.locator(".u-over").bounding_box()
    first, last = (area["x"] + area["width"] * share for share in (low, high))
    drag(page, (first, area["y"] + 60), (last, area["y"] + 60))


# ---- the table of runs


def test_runs_are_listed_newest_first_and_unfold_their_children(seen: Seen) -> None:
    """A search is one row until it is unfolded, and the address says that it is."""
    page = seen.go("/")
    assert names(page) == ["broken", "hand-0.03", "hand-0.1", "GridSearchCV", "RandomForestClassifier", "Pipeline"]
    page.get_by_label("Unfold GridSearchCV").click()
    expect(page.locator('.row[aria-level="2"]')).to_have_count(6)
    page.reload()
    expect(page.locator('.row[aria-level="2"]')).to_have_count(6)
    page.get_by_label("Fold GridSearchCV", exact=True).click()
    expect(page.locator('.row[aria-level="2"]')).to_have_count(0)


def test_an_experiment_is_chosen(seen: Seen) -> None:
    """Of several experiments one is shown, and all again."""
    page = seen.go("/")
    page.get_by_role("button", name=re.compile("^cancer")).click()
    expect(page.locator(".count")).to_have_text("3 runs")
    page.get_by_role("button", name=re.compile("^All experiments")).click()
    expect(page.locator(".count")).to_have_text("6 runs")


def test_a_filter_is_typed_and_its_names_are_completed(seen: Seen) -> None:
    """The first letters of a name are enough, and the filter is in the address."""
    page = seen.go("/")
    names(page)
    box = page.get_by_role("combobox", name="Filter")
    box.press_sequentially("opti")
    expect(page.get_by_role("option", name="params.optimizer")).to_be_visible()
    box.press("Tab")
    expect(box).to_have_value("opti")  # nothing was chosen: the key goes on to what follows
    expect(box).not_to_be_focused()
    box.fill("")
    box.press_sequentially("opti")
    box.press("ArrowDown")
    box.press("Tab")
    box.press_sequentially("= 'sgd' and rat")
    box.press("ArrowDown")
    box.press("Enter")
    expect(box).to_have_value("params.optimizer = 'sgd' and params.rate ")
    box.press_sequentially("> 0.05")
    box.press("Enter")
    expect(page.locator(".count")).to_have_text("1 run")
    page.reload()
    assert names(page) == ["hand-0.1"]


def test_a_filter_that_cannot_be_read_is_marked_at_its_place(seen: Seen) -> None:
    """What was typed stays, with the place and the reason; mended, it finds."""
    page = seen.go("/")
    names(page)
    box = page.get_by_role("combobox", name="Filter")
    box.fill("params.rate >> 0.05")
    box.press("Enter")
    expect(page.locator(".error mark")).to_contain_text(">>")
    expect(page.locator(".error")).to_contain_text("no comparator")
    box.fill("params.rate > 5")
    box.press("Enter")
    expect(page.get_by_text("No run is found by this filter.")).to_be_visible()
    page.get_by_role("button", name="Clear the filter").click()
    expect(page.locator(".count")).to_have_text("6 runs")


def test_candidates_are_found_among_all_runs(seen: Seen) -> None:
    """What fits no run without a parent is looked for among children too; a status is typed as it is read."""
    page = seen.go("/")
    names(page)
    box = page.get_by_role("combobox", name="Filter")
    box.fill("params.C = 10 and status = 'finished'")
    box.press("Enter")
    page.get_by_role("button", name="Look among children too").click()
    expect(page.locator(".count")).to_have_text("2 runs")
    expect(page.get_by_label("Children too")).to_be_checked()
    page.get_by_label("Children too").uncheck()
    expect(page.get_by_text("No run is found by this filter.")).to_be_visible()


def test_back_from_a_run_the_table_is_where_it_was(look: Open, serve: Serve, tmp_path: Path) -> None:
    """The line that was opened is the active one, in sight, and the table has the keys."""
    many(tmp_path / "runs", 300)
    page = look(serve(tmp_path / "runs")).go(f"/#/runs?columns=status&open={'a' * 32}")
    expect(page.locator('.row[aria-level="2"]').first).to_be_visible()
    grid = page.get_by_role("treegrid")
    grid.focus()
    for _ in range(6):
        page.keyboard.press("PageDown")
    line = page.locator(".row.active .first a")
    expect(line).to_be_in_viewport()
    was, top = line.text_content(), grid.evaluate("grid => grid.scrollTop")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(str(was))
    page.go_back()
    expect(line).to_have_text(str(was))
    expect(grid).to_have_js_property("scrollTop", top)
    expect(grid).to_be_focused()


def test_back_from_a_run_that_has_moved_it_is_found_again(look: Open, serve: Serve, tmp_path: Path) -> None:
    """Runs that began meanwhile stand above it; it is the active one all the same, where it stood in the window."""
    store = tmp_path / "runs"
    for number in range(40):
        autolog.start_run(run_name=f"run {number}").end()
    shutil.copytree(session.get().root, store)
    page = look(serve(store)).go("/#/runs?columns=status")
    names(page)
    page.get_by_role("treegrid").focus()
    page.keyboard.press("End")
    for _ in range(9):
        page.keyboard.press("ArrowUp")
    line = page.locator(".row.active .first a")
    expect(line).to_have_text("run 9")
    place = line.bounding_box()["y"] - page.get_by_role("treegrid").bounding_box()["y"]
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("run 9")
    many(store, 2)
    page.go_back()
    expect(page.locator(".count")).to_have_text("41 runs")
    expect(line).to_have_text("run 9")
    assert line.bounding_box()["y"] - page.get_by_role("treegrid").bounding_box()["y"] == pytest.approx(place, abs=1)


def test_a_head_sorts(seen: Seen) -> None:
    """The first click sorts downward, the second upward, the third not at all."""
    page = seen.go("/#/runs?columns=metrics.loss&experiment=steps")
    head = page.get_by_role("columnheader", name="loss")
    first = page.locator('.row[aria-rowindex="2"] .first a')
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "descending")
    expect(first).to_have_text("hand-0.03")
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    expect(first).to_have_text("hand-0.1")
    head.get_by_role("button").click()
    expect(first).to_have_text("broken")


def test_columns_are_chosen_moved_and_resized(seen: Seen) -> None:
    """By mouse and by keys; the address keeps them."""
    page = seen.go("/#/runs?columns=status,duration&experiment=steps")
    names(page)
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("Find a column").fill("optim")
    page.get_by_role("checkbox", name="optimizer").check()
    heads = page.locator(".head .cell button")
    expect(heads).to_have_text(["Run", "Status", "Duration", "optimizer"])
    expect(page.get_by_role("checkbox", name="optimizer")).to_be_focused()
    page.keyboard.press("Escape")
    heads.nth(3).focus()
    page.keyboard.press("Alt+ArrowLeft")
    expect(heads).to_have_text(["Run", "Status", "optimizer", "Duration"])
    box = page.locator(".head .cell").nth(1).bounding_box()
    edge = box["x"] + box["width"]
    drag(page, (edge - 3, box["y"] + 15), (edge + 97, box["y"] + 15))
    page.reload()
    expect(heads).to_have_text(["Run", "Status", "optimizer", "Duration"])
    assert page.locator(".head .cell").nth(1).bounding_box()["width"] == pytest.approx(box["width"] + 100, abs=1)


def test_a_metric_is_drawn_in_each_line(seen: Seen) -> None:
    """The chosen metric has a small curve in the lines that have it."""
    page = seen.go("/#/runs?experiment=steps")
    names(page)
    page.get_by_label("Curve").select_option("loss")
    expect(page.locator(".row .spark path")).to_have_count(2)


def test_what_is_found_is_downloaded_as_csv(seen: Seen, tmp_path: Path) -> None:
    """The file has a line for each run that the filter finds, and the columns shown."""
    page = seen.go("/#/runs?columns=status,params.rate&filter=params.rate+>+0")
    names(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    download.value.save_as(tmp_path / "runs.csv")
    lines = list(csv.DictReader((tmp_path / "runs.csv").read_text().splitlines()))
    assert [(line["run_name"], line["params.rate"]) for line in lines] == [("hand-0.03", "0.03"), ("hand-0.1", "0.1")]


def test_the_keys_do_all_that_the_mouse_does(seen: Seen) -> None:
    """Down, unfold, choose, compare, and open: without a mouse."""
    page = seen.go("/")
    names(page)
    page.get_by_role("treegrid").focus()
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(page.locator('.row[aria-level="2"]')).to_have_count(6)
    page.keyboard.press("Space")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    expect(page.get_by_role("link", name="Compare 2")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("hand-0.1")


# ---- one run


def test_waiting_for_a_slow_store_is_said(seen: Seen, runs: Path) -> None:
    """A page that is not there at once says that it is on its way."""
    page = seen.page
    held: list[Any] = []
    page.route("**/api/runs/*", lambda route: held.append(route))
    seen.go(f"/#/run/{run_id(runs, 'Pipeline')}")
    expect(page.get_by_role("status").filter(has_text="Loading…")).to_be_visible()
    held[0].continue_()
    expect(page.get_by_role("heading", level=1)).to_have_text("Pipeline")


def test_a_run_says_what_it_was(seen: Seen, runs: Path) -> None:
    """Its params, metrics, dataset, signature and model, with the line that loads it."""
    page = seen.go(f"/#/run/{run_id(runs, 'Pipeline')}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Pipeline")
    for card in ("Metrics", "Params", "Dataset", "Signature", "Model"):
        expect(page.get_by_role("heading", name=card, exact=True)).to_be_visible()
    expect(page.locator(".load code")).to_contain_text("autolog.load_model('runs:/")
    expect(page.get_by_text("mean radius: float64").first).to_be_visible()


def test_a_failure_is_shown_in_full(seen: Seen, runs: Path) -> None:
    """Type, message and traceback are on the page of a run that failed."""
    page = seen.go(f"/#/run/{run_id(runs, 'broken')}")
    failure = page.locator(".failure")
    expect(failure).to_contain_text("ValueError")
    expect(failure).to_contain_text("the rows ended early")
    expect(failure.locator("pre")).to_contain_text('raise ValueError("the rows ended early")')


def test_curves_are_zoomed_to_the_single_point(seen: Seen, runs: Path) -> None:
    """Dragged over, a part is asked for again; far enough, each point is there; the address keeps it."""
    page = seen.go(f"/#/run/{run_id(runs, 'hand-0.1')}?tab=metrics&keys=loss")
    facts = page.locator(".card .facts")
    expect(facts).to_contain_text("3,000 points, each bucket")
    drag_over_curve(page, 0.40, 0.43)
    expect(facts).to_have_text(re.compile(r"^\d\d points$"))
    page.reload()
    expect(facts).to_have_text(re.compile(r"^\d\d points$"))
    page.get_by_role("button", name="Show all").click()
    expect(facts).to_contain_text("3,000 points")


def test_a_part_between_two_points_is_shown_with_both(seen: Seen, runs: Path) -> None:
    """However closely one looks, there is something to be seen."""
    page = seen.go(f"/#/run/{run_id(runs, 'hand-0.1')}?tab=metrics&keys=loss&window=10~13")
    facts = page.locator(".card .facts")
    expect(facts).to_have_text("4 points")
    drag_over_curve(page, 0.45, 0.55)
    expect(facts).to_have_text("2 points")


def test_metrics_of_one_point_are_a_table(seen: Seen, runs: Path) -> None:
    """A number is no curve; chosen, it is drawn all the same."""
    page = seen.go(f"/#/run/{run_id(runs, 'RandomForestClassifier')}?tab=metrics")
    expect(page.get_by_role("region", name="Metrics of one point").locator("tbody tr").first).to_be_visible()
    expect(page.locator(".uplot")).to_have_count(0)
    page.get_by_role("group", name="Metrics").get_by_role("button").first.click()
    expect(page.locator(".uplot")).to_have_count(1)


def test_curves_are_looked_at_in_several_ways(seen: Seen, runs: Path) -> None:
    """Over time, on a log scale, smooth; and what is NaN is a gap that is counted."""
    page = seen.go(f"/#/run/{run_id(runs, 'hand-0.1')}?tab=metrics")
    expect(page.locator(".uplot")).to_have_count(2)
    expect(page.locator(".card", has_text="holes").locator(".facts")).to_contain_text("30 NaN")
    page.get_by_label("Log scale").check()
    page.get_by_label("Over").select_option("epoch")
    expect(page.locator(".u-legend").first).to_contain_text("epoch")
    page.get_by_label("Over").select_option("time")
    expect(page.locator(".u-legend").first).to_contain_text("time")
    page.get_by_label("Smooth").fill("0.6")
    page.get_by_role("group", name="Metrics").get_by_role("button", name="holes").click()
    expect(page.locator(".uplot")).to_have_count(1)
    assert set(re.findall(r"(\w+)=", page.url)) >= {"tab", "log", "x", "smooth", "keys"}


def test_charts_are_drawn_from_what_was_recorded(seen: Seen, runs: Path) -> None:
    """The confusion matrix counts all rows; the curves, the importances and the diagram are there."""
    page = seen.go(f"/#/run/{run_id(runs, 'Pipeline')}?tab=charts")
    expect(page.locator(".matrix").first).to_be_visible()
    assert sum(map(int, page.locator(".matrix").first.locator("td").all_text_contents())) == 569
    for chart in ("Roc curve", "Precision recall curve", "Calibration curve"):
        expect(page.get_by_role("img", name=re.compile(chart)).first).to_be_visible()
    expect(page.frame_locator("iframe").get_by_text("LogisticRegression", exact=True).first).to_be_visible()
    assert page.locator("iframe").get_attribute("sandbox") == ""
    page = seen.go(f"/#/run/{run_id(runs, 'RandomForestClassifier')}?tab=charts")
    expect(page.locator(".bars li")).to_have_count(30)


def test_artifacts_are_previewed_each_as_its_kind(seen: Seen, runs: Path) -> None:
    """A text, a JSON document, a table, a picture, and a page whose script does not run."""
    page = seen.go(f"/#/run/{run_id(runs, 'hand-0.1')}?tab=artifacts")
    files = page.locator(".files")
    files.get_by_role("button", name="notes.txt").click()
    expect(page.locator(".view pre")).to_have_text("first line")
    files.get_by_role("button", name="settings.json").click()
    expect(page.locator(".view pre")).to_contain_text('"depth"')
    files.get_by_role("button", name="animals.csv").click()
    expect(page.locator(".view td")).to_have_text(["ant", "1"])
    files.get_by_role("button", name="dots.png").click()
    expect(page.locator(".view img")).to_have_js_property("naturalWidth", 2)
    page.go_back()
    expect(page.locator(".view td")).to_have_text(["ant", "1"])
    faults = len(seen.faults)
    files.get_by_role("button", name="page.html").click()
    expect(page.frame_locator(".view iframe").get_by_role("heading")).to_have_text("A page")
    page.wait_for_timeout(200)
    assert all("sandboxed" in fault for fault in seen.faults[faults:]), seen.faults  # it says that it ran nothing
    del seen.faults[faults:]


def test_the_children_of_a_search_are_a_table_too(seen: Seen, runs: Path) -> None:
    """They are sorted and filtered like all runs, and one leads back to its parent."""
    page = seen.go(f"/#/run/{run_id(runs, 'GridSearchCV')}?tab=children")
    expect(page.locator(".count")).to_have_text("6 runs")
    page.get_by_role("combobox", name="Filter").fill("params.C = 10")
    page.keyboard.press("Enter")
    expect(page.locator(".count")).to_have_text("2 runs")
    page.locator(".row .first a").first.click()
    page.get_by_role("navigation", name="Above this run").get_by_role("link", name="GridSearchCV").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("GridSearchCV")


# ---- several runs


def test_chosen_runs_are_compared(seen: Seen) -> None:
    """Their curves lie over one another, and what differs between them is in a table."""
    page = seen.go("/#/runs?experiment=steps")
    names(page)
    page.get_by_label("Choose hand-0.1").click()
    page.get_by_label("Choose hand-0.03").click()
    page.reload()  # the address keeps which
    page.get_by_role("link", name="Compare 2").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Compare 2 runs")
    expect(page.locator(".u-legend")).to_contain_text("hand-0.03")
    page.get_by_role("link", name="Differences").click()
    line = page.locator(".beside tr", has=page.get_by_role("rowheader", name="rate", exact=True))
    expect(line.locator("td")).to_have_text(["0.1", "0.03"])
    expect(page.get_by_role("rowheader", name="optimizer")).to_have_count(0)
    page.get_by_label("Also what is the same").check()
    expect(page.get_by_role("rowheader", name="optimizer")).to_have_count(1)


def test_a_brush_on_a_parallel_axis_keeps_the_runs_between(seen: Seen, runs: Path) -> None:
    """Of six candidates two have the greatest C; the address keeps the brush."""
    page = seen.go(f"/#/compare?parent={run_id(runs, 'GridSearchCV')}&view=parallel")
    expect(page.locator(".run.kept")).to_have_count(6)
    axis = page.locator('[data-axis="params.C"]').bounding_box()
    drag(page, (axis["x"] + 16, axis["y"] + 2), (axis["x"] + 16, axis["y"] + 100))
    expect(page.locator(".run.kept")).to_have_count(2)
    page.reload()
    expect(page.get_by_text("2 of 6 runs")).to_be_visible()
    page.get_by_role("button", name="Clear the brushes").click()
    expect(page.locator(".run.kept")).to_have_count(6)


def test_a_brush_is_moved_by_keys(seen: Seen, runs: Path) -> None:
    """Each of its two ends stands on its axis and keeps the focus; Escape takes the brush away."""
    page = seen.go(f"/#/compare?parent={run_id(runs, 'GridSearchCV')}&view=parallel")
    expect(page.locator(".run.kept")).to_have_count(6)
    least = page.get_by_role("slider", name="Least params.C")
    least.focus()
    page.keyboard.press("ArrowUp")
    expect(page.locator(".run.kept")).to_have_count(4)
    expect(least).to_be_focused()
    page.keyboard.press("PageUp")
    expect(page.locator(".run.kept")).to_have_count(2)
    page.keyboard.press("End")
    page.wait_for_url(re.compile("9.99"))
    expect(page.locator(".run.kept")).to_have_count(2)
    expect(least).to_have_attribute("aria-valuetext", "10.0")
    page.keyboard.press("Escape")
    expect(page.locator(".run.kept")).to_have_count(6)
    page.get_by_role("slider", name="Greatest params.fit_intercept").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".run.kept")).to_have_count(3)
    page.keyboard.press("ArrowUp")
    expect(page.locator(".run.kept")).to_have_count(6)


def test_a_search_is_a_scatter_and_a_heat_map(seen: Seen, runs: Path) -> None:
    """Two columns as points, and the score over two params, each cell one candidate."""
    page = seen.go(f"/#/compare?parent={run_id(runs, 'GridSearchCV')}&view=scatter")
    expect(page.locator("circle.mark")).to_have_count(6)
    page.get_by_label("Across").select_option("params.fit_intercept")
    expect(page.get_by_text("params.fit_intercept: 0 is False, 1 is True")).to_be_visible()
    page.get_by_role("link", name="Heat map").click()
    expect(page.locator(".matrix td")).to_have_count(6)
    expect(page.locator(".matrix td").first).to_have_attribute("title", re.compile("the mean of 1 run$"))


# ---- live


def test_a_search_is_watched_while_it_runs(look: Open, serve: Serve, tmp_path: Path) -> None:
    """It appears, its candidates arrive, and it ends, without a reload; a hidden page listens to nothing."""
    (tmp_path / "runs").mkdir()
    (tmp_path / "search.py").write_text(SEARCH)
    page = look(serve(tmp_path / "runs")).go("/#/runs?columns=status,children,best")
    expect(page.get_by_role("heading", name="No runs yet")).to_be_visible()
    expect(page.locator("#live")).to_have_text("live")
    with subprocess.Popen([sys.executable, "search.py", "runs"], cwd=tmp_path) as process:
        row = page.locator(".row", has_text="GridSearchCV")
        expect(row.locator(".status")).to_have_text("running", timeout=30_000)
        row.get_by_label("Unfold GridSearchCV").click(timeout=30_000)
        expect(row).to_contain_text(re.compile(r"[1-7] of [1-8]"), timeout=30_000)
        expect(row).to_contain_text("mean_test_score", timeout=30_000)
        expect(row.locator(".status")).to_have_text("finished", timeout=60_000)
        expect(page.locator('.row[aria-level="2"]')).to_have_count(8)
        process.wait()
    page.evaluate(
        "Object.defineProperty(document, 'hidden', {value: true});document.dispatchEvent(new Event('visibilitychange'))"
    )
    expect(page.locator("#live")).to_have_text("")


# ---- many runs


def many(store: Path, count: int) -> None:
    """Write a store of one parent with so many children, as its journal would be."""
    tree, writer = "a" * 32, "1" * 32
    (store / tree).mkdir(parents=True)
    facts: list[tuple[str, str, dict[str, Any]]] = [(tree, "journal", {"format": 1})]
    for place in range(-1, count):
        run = tree if place < 0 else f"{place:032x}"
        parent = None if place < 0 else tree
        start = {"run_name": f"run {place}", "experiment": "e", "session": "s", "parent": parent, "tags": {}}
        facts += [(run, "started", start), (run, "finished", {"session": "s", "status": "FINISHED", "error": None})]
    events = (
        Event(run, kind, 1_700_000_000_000_000 + seq, writer, seq, data) for seq, (run, kind, data) in enumerate(facts)
    )
    (store / tree / f"{writer}.jsonl").write_bytes(b"".join(map(encode_line, events)))


def test_of_many_runs_only_those_in_sight_are_drawn(look: Open, serve: Serve, tmp_path: Path) -> None:
    """The table is as long as the list, holds a screenful of lines, and the last is there when scrolled to."""
    many(tmp_path / "runs", 2000)
    page = look(serve(tmp_path / "runs")).go(f"/#/run/{'a' * 32}?tab=children&columns=status")
    expect(page.locator(".count")).to_have_text("2,000 runs")
    page.get_by_role("treegrid").focus()
    page.keyboard.press("End")
    expect(page.locator(".row.active .first a")).to_have_text("run 0")
    assert page.locator(".row").count() < 60


# ---- a stranger's store

MARKUP = "<img src=x onerror=alert(1)><script>alert(2)</script>'\"&"
TREE = "b" * 32


@pytest.fixture
def hostile(store: Path) -> Path:
    """A store whose every name and value is markup, and some of whose facts have no sense."""
    facts: list[tuple[str, dict[str, Any]]] = [
        ("journal", {"format": 1}),
        (
            "started",
            {"run_name": MARKUP, "experiment": MARKUP, "session": "s", "parent": None, "tags": {MARKUP: MARKUP}},
        ),
        ("params", {"params": {MARKUP: MARKUP, "int": 10**400, "list": [[[]] * 100]}}),
        ("points", {"series": {MARKUP: {"n": 2, "step": [0, 1], "value": [1.0, 2.0], "time": [0, 1]}}}),
        ("artifact", {"path": "../../../etc/passwd", "size": "big", "sha256": 5}),
        ("artifact", {"path": MARKUP}),
        ("artifact", {"path": "charts/a.json"}),
        ("model", {"name": MARKUP, "modules": "many", "size": None}),
        ("dataset", {"name": MARKUP, "columns": 5}),
        ("signature", {"inputs": MARKUP}),
        ("environment", {"packages": MARKUP}),
        ("note", {"text": MARKUP}),
        ("finished", {"session": "s", "status": MARKUP, "error": {"type": 5, "message": [MARKUP], "traceback": {}}}),
    ]
    roc = {"kind": "roc_curve", "of": 5, "columns": ["x"], "data": [[1]]}
    charts = json.dumps({"charts": [roc, {"kind": "coefficients", "columns": [], "data": []}]})
    folder = store / TREE
    (folder / "files" / TREE / "charts").mkdir(parents=True)
    (folder / "files" / TREE / "charts" / "a.json").write_text(charts)
    events = [
        Event(TREE, kind, 1_700_000_000_000_000 + seq, "1" * 32, seq, data) for seq, (kind, data) in enumerate(facts)
    ]
    (folder / f"{'1' * 32}.jsonl").write_bytes(b"".join(map(encode_line, events)))
    return store


def test_a_hostile_store_is_only_text(look: Open, serve: Serve, hostile: Path) -> None:
    """On each page markup is read, not run: no dialog, no element of it, no error, no request elsewhere."""
    seen = look(serve(hostile))
    page = seen.go("/")
    assert names(page) == [MARKUP]
    parts = ("overview", "metrics", "charts", "artifacts", "environment")
    views = ("curves", "table", "parallel", "scatter", "heat")
    addresses = [f"/#/run/{TREE}?tab={part}" for part in parts] + [
        f"/#/compare?ids={TREE}&view={view}" for view in views
    ]
    for each in addresses:
        page = seen.go(each)
        expect(page.get_by_role("heading", level=1)).not_to_have_text("This cannot be shown")
        page.wait_for_load_state("load")
        expect(page.locator(".part > *").first).to_be_attached()
        assert page.locator("main img, main script").count() == 0, each
    page = seen.go(f"/#/run/{TREE}")
    expect(page.locator(".note li").filter(has_text=MARKUP)).to_have_count(1)


# ---- what a page is made of


@pytest.fixture(scope="module")
def axe(request: pytest.FixtureRequest) -> str:
    """The source of axe-core, fetched once into the tests' cache."""
    cache = request.config.cache.mkdir("axe")
    if shutil.which("npm") is None and not list(cache.glob("*.tgz")):
        pytest.skip("no axe-core: install npm, which fetches it")
    if not list(cache.glob("*.tgz")):
        done = subprocess.run(["npm", "pack", "axe-core@4"], cwd=cache, capture_output=True, text=True, timeout=120)
        if done.returncode:
            pytest.skip(f"npm cannot fetch axe-core: {done.stderr[-200:]}")
    with tarfile.open(next(cache.glob("*.tgz"))) as archive:
        source = archive.extractfile("package/axe.min.js")
        assert source is not None
        return source.read().decode()


RULES = {"light": "{iframes: false}", "dark": "{iframes: false, runOnly: ['color-contrast']}"}
"""What is asked of a page; between two themes only colours differ."""


@pytest.mark.parametrize("theme", list(RULES))
def test_axe_finds_nothing(look: Open, base: str, runs: Path, axe: str, theme: str) -> None:
    """On each page, in both themes, there is no obstacle that WCAG AA knows."""
    seen = look(base, theme=theme)
    search, hand = run_id(runs, "GridSearchCV"), run_id(runs, "hand-0.1")
    addresses = [
        f"/#/runs?open={search}&filter=status+IS+NOT+NULL",
        "/#/runs?filter=status+>>+1",
        *(f"/#/run/{hand}?tab={part}" for part in ("overview", "metrics", "artifacts", "environment")),
        f"/#/run/{run_id(runs, 'broken')}",
        f"/#/run/{run_id(runs, 'Pipeline')}?tab=charts",
        f"/#/run/{search}?tab=children",
        *(f"/#/compare?parent={search}&view={view}" for view in ("curves", "table", "parallel", "scatter", "heat")),
    ]
    found = {}
    for address in addresses:
        page = seen.go(address)
        expect(page.locator(".part > *, .grid").first).to_be_attached()
        page.wait_for_timeout(250)  # what is drawn after the first element
        page.evaluate(axe)
        result = page.evaluate(f"axe.run(document, {RULES[theme]})")
        faults = [(fault["id"], [node["html"][:120] for node in fault["nodes"]][:3]) for fault in result["violations"]]
        if faults:
            found[address] = faults
    assert found == {}


@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_is_wider_than_the_window(look: Open, base: str, runs: Path, width: int) -> None:
    """What is wide scrolls in its own place, on a telephone too."""
    seen = look(base, width=width)
    for address in (
        "/",
        f"/#/run/{run_id(runs, 'broken')}",
        f"/#/compare?parent={run_id(runs, 'GridSearchCV')}&view=table",
    ):
        page = seen.go(address)
        expect(page.locator(".part > *, .grid").first).to_be_attached()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address


def test_the_page_is_small() -> None:
    """All that is shipped for the browser is under 300 KB compressed."""
    files = [path for path in (Path(autolog.__file__).parent / "ui" / "static").rglob("*") if path.is_file()]
    assert sum(len(gzip.compress(path.read_bytes())) for path in files) < 300_000
