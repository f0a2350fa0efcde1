"""`autolog show --plots` draws what was recorded: pictures that can be read, and a page with the estimator's parts."""

from __future__ import annotations

import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("matplotlib")
import matplotlib.pyplot
from matplotlib.image import imread

import autolog
from autolog.cli import main
from autolog.drawing.charts import Chart, charts_of
from autolog.drawing.diagram import diagram_page
from autolog.drawing.pictures import KINDS, chart_picture, series_picture
from autolog.drawing.style import short, shorts

LONG = [f"category number {number} of the catalogue of things" for number in range(35)]


def chart(kind: str, columns: dict[str, list[Any]], **more: Any) -> Chart:
    """A chart as it is read."""
    return Chart(kind, "X_test", columns, more)


def curve(names: tuple[str, str], classes: list[Any], **more: Any) -> Chart:
    """A curve of three points for each class."""
    columns = {name: [0.0, 0.5, 1.0] * len(classes) for name in names}
    columns["class"] = [each for each in classes for _ in range(3)]
    kind = "roc_curve" if "true_positive_rate" in names else "precision_recall_curve"
    return chart(kind, columns, classes=classes, **more)


ROC = ("false_positive_rate", "true_positive_rate")
CHARTS = {
    "matrix": chart(
        "confusion_matrix", {"true": ["a", "b"], "predicted": ["a", "a"], "count": [3, 1]}, labels=["a", "b", "$c$"]
    ),
    "matrix of shares": chart(
        "confusion_matrix", {"true": [0, 1], "predicted": [0, 0], "count": [0.25, 1.0]}, labels=[0, 1]
    ),
    "matrix of many": chart(
        "confusion_matrix", {"true": LONG, "predicted": LONG[::-1], "count": [*range(35)]}, labels=LONG
    ),
    "multilabel": chart(
        "multilabel_confusion_matrix",
        {
            "label": [0, 1],
            **{f"{which}_{kind}": [1, 2] for which in ("true", "false") for kind in ("positives", "negatives")},
        },
    ),
    "roc": curve(ROC, [1], areas=[0.75]),
    "roc as returned": chart("roc_curve", {name: [0.0, 1.0] for name in ROC}),
    "roc of many": curve(ROC, LONG[:20], areas=[0.5] * 20, classes_left_out=15),
    "precision": curve(("recall", "precision"), [0, 1, 2], average_precisions=[0.5, 0.6, 0.7], shares=[0.3, 0.3, 0.4]),
    "calibration": chart(
        "calibration_curve",
        {"mean_predicted_probability": [0.1, 0.9], "fraction_of_positives": [0.0, 1.0], "rows": [5, 50]},
        classes=["yes"],
    ),
    "residuals": chart(
        "residuals",
        {"output": [0, 0], "predicted": [5.0, 15.0], "residual": [0.5, -0.5], "rows": [3, 9]},
        cells=[[10.0, 1.0]],
    ),
    "quantiles": chart(
        "residual_quantiles", {"output": [0, 0, 1, 1], "quantile": [0.1, 0.9] * 2, "residual": [-1.0, 1.0, -2.0, 2.0]}
    ),
    "importances": chart("feature_importances", {"feature": LONG, "importance": [1 / (n + 1) for n in range(35)]}),
    "coefficients": chart("coefficients", {"feature": ["a", "b"], "of": [1, 1], "coefficient": [2.0, -1.0]}),
    "coefficients by class": chart(
        "coefficients", {"feature": ["a"] * 3, "of": ["x", "y", "z"], "coefficient": [2.0, -1.0, float("nan")]}
    ),
}


def texts(figure: Any) -> list[str]:
    """All text that is visible in a figure, once it is drawn."""
    figure.draw_without_rendering()
    return [each.get_text() for each in figure.findobj(matplotlib.text.Text) if each.get_visible() and each.get_text()]


@pytest.mark.parametrize("name", sorted(CHARTS))
def test_a_picture_has_nothing_outside_its_edges(name: str) -> None:
    """Titles, ticks and legends lie within the picture, however many classes and however long their names."""
    figure = chart_picture(CHARTS[name], "RandomForestClassifier")
    figure.draw_without_rendering()
    whole, drawn = figure.bbox, figure.get_tightbbox().transformed(figure.dpi_scale_trans)
    assert drawn.x0 >= whole.x0 - 1
    assert drawn.y0 >= whole.y0 - 1
    assert drawn.x1 <= whole.x1 + 1
    assert drawn.y1 <= whole.y1 + 1
    assert any("X_test" in text and "RandomForestClassifier" in text for text in texts(figure))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_is_drawn_above(kind: str) -> None:
    """There is a chart of each kind among those that the tests draw."""
    assert kind in {each.kind for each in CHARTS.values()}


def test_a_matrix_shows_its_counts_and_labels() -> None:
    """Each cell has its number, an empty one a 0, and a dollar in a label is a dollar."""
    shown = texts(chart_picture(CHARTS["matrix"], "run"))
    assert shown.count("0") == 7
    assert {"3", "1", "a", "b", r"\$c\$", "true", "predicted"} <= set(shown)


def test_many_long_names_are_cut_where_they_are_alike() -> None:
    """35 classes keep what tells them apart, and no two labels are the same."""
    found = shorts(LONG, 18)
    assert len(set(found)) == 35
    assert max(map(len, found)) <= 18
    assert "7" in found[7]
    assert short("x" * 100, 9) == "xxxx…xxxx"
    assert shorts(["age", "sex"], 18) == ["age", "sex"]


def test_titles_say_how_much_of_how_much_is_shown() -> None:
    """30 of 35 features and 20 of 35 classes are named as such; the area stands beside a curve."""
    assert "Feature importances (30 of 35) · X_test · run" in texts(chart_picture(CHARTS["importances"], "run"))
    assert "ROC curve by class (20 of 35) · X_test · run" in texts(chart_picture(CHARTS["roc of many"], "run"))
    assert "1 · AUC 0.750" in texts(chart_picture(CHARTS["roc"], "run"))


def test_drawing_leaves_matplotlib_as_it_was() -> None:
    """No figure is known to pyplot, and no setting has changed."""
    before, figures = dict(matplotlib.rcParams), matplotlib.pyplot.get_fignums()
    series_picture("loss", [(0, 1.0, 0.0), (1, float("nan"), 0.0), (2, 0.5, 0.0)], "run")
    chart_picture(CHARTS["residuals"], "run")
    assert matplotlib.pyplot.get_fignums() == figures
    assert dict(matplotlib.rcParams) == before


# ---- the diagram


class Reader(HTMLParser):
    """Checks that what is opened is closed, and collects the text with how deep in boxes it lies."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[int, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "meta":
            self.open.append("part" if ("class", "part") in attrs else tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().replace("part", "div") == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and self.open[-1] != "style":
            self.found.append((self.open.count("part"), data.strip()))


PARTS = {
    "depth": [0, 1, 2, 2, 1],
    "path": ["", "pre", "pre__num", "pre__cat", "clf"],
    "name": ["", "pre", "num", "cat", "clf"],
    "kind": ["Pipeline", "ColumnTransformer", "Scaler", "<b>Own</b>", "LogisticRegression"],
    "abreast": [False, False, True, True, False],
    "columns": [None, None, "age", "a & b", None],
}


def test_the_diagram_nests_boxes_and_escapes_names() -> None:
    """Each part lies in the box of the one around it, with its own params; names cannot be markup."""
    params = {"pre": "ColumnTransformer", "pre__num__copy": True, "clf__C": "<script>", "verbose": False}
    page = diagram_page(chart("diagram", PARTS), "my <run>", params)
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    assert {(1, "Pipeline"), (2, "ColumnTransformer"), (3, "<b>Own</b>"), (3, "a & b")} <= set(reader.found)
    assert {(1, "verbose"), (3, "copy"), (2, "'<script>'"), (2, "C")} <= set(reader.found)
    assert (0, "my <run>") in reader.found
    assert "<script" not in page
    assert "http" not in page


# ---- the command


@pytest.fixture
def recorded(store: Path) -> Path:
    """A run with charts, metrics and files of the user's among the charts."""
    autolog.enable(backend=store, silent=True)
    with autolog.start_run(run_name="drawn") as run:
        facts = {
            "kind": "roc_curve",
            "of": "training",
            "classes": [1],
            "areas": [1.0],
            "columns": ["class", *ROC, "threshold"],
            "data": [[1, 0.0, 0.0, {"$float": "inf"}], [1, 0.0, 1.0, 0.5], [1, 1.0, 1.0, 0.1]],
        }
        parts = {
            "kind": "diagram",
            "of": "model",
            "columns": list(PARTS),
            "data": list(zip(*PARTS.values(), strict=True)),
        }
        run.add_file("charts/training.json", json.dumps({"charts": [facts, parts]}).encode())
        run.add_file("charts/mine.json", b"[1, 2]")
        run.add_file("charts/torn.json", b'{"charts": [{"kind"')
        for step in range(5):
            autolog.log_metric("a/b: loss", 1 / (step + 1), step=step)
        autolog.log_metric("once", 1.0)
    return store


def test_pictures_of_charts_and_metrics_are_written(
    recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command names each file it wrote; metrics of one point and files that are no charts have none."""
    assert main(["show", "last", "--store", str(recorded), "--plots", str(tmp_path / "out")]) == 0
    said = capsys.readouterr()
    names = ["training_roc_curve.png", "diagram.html", "metrics/a_b_loss.png"]
    assert [Path(line).relative_to(tmp_path / "out").as_posix() for line in said.out.splitlines()] == names
    assert said.err == ""
    for name in names:
        path = tmp_path / "out" / name
        if path.suffix == ".png":
            picture = imread(path)
            assert min(picture.shape[:2]) > 400
            assert picture[..., :3].std() > 0.01
        else:
            assert "ColumnTransformer" in path.read_text("utf-8")


@pytest.mark.parametrize("arguments", [["--plots", "last"], ["last", "--plots"]])
def test_the_folder_may_be_left_out(recorded: Path, arguments: list[str]) -> None:
    """The run may stand before or after `--plots`; the pictures then go to ./plots."""
    assert main(["show", "--store", str(recorded), *arguments]) == 0
    assert Path("plots/diagram.html").exists()


def test_without_a_run_the_command_says_what_is_missing(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`autolog show` alone is misuse."""
    assert main(["show", "--store", str(recorded)]) == 2
    assert "Missing argument 'RUN'" in capsys.readouterr().err


def test_without_matplotlib_the_command_to_install_it_is_named(recorded: Path) -> None:
    """Where it is not installed, one line says how to get it, and the exit code is that of misuse."""
    program = "import sys; sys.modules['matplotlib'] = None; from autolog.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "show", "last", "--store", str(recorded), "--plots", "out"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "autolog: pictures need matplotlib: python -m pip install 'autolog-ml[plots]'\n"


def test_infinity_is_read_as_a_number(recorded: Path) -> None:
    """A threshold that is infinite comes back so."""
    (run,) = autolog.search_runs(output_format="list", store=recorded)
    charts = list(charts_of(run))
    assert [each.kind for each in charts] == ["roc_curve", "diagram"]
    assert charts[0].columns["threshold"] == [float("inf"), 0.5, 0.1]


def test_the_same_chart_is_drawn_once(tmp_path: Path) -> None:
    """Data that is predicted on again gives the same picture again, which tells nothing new."""
    chart = {"kind": "confusion_matrix", "of": "X", "columns": ["true", "predicted", "count"], "labels": [0, 1]}
    documents = {"charts": [{**chart, "data": [[0, 0, 3], [1, 1, 4]]}]}, {"charts": [{**chart, "data": [[0, 0, 7]]}]}
    with autolog.start_run() as run:
        for number, document in enumerate([documents[0], documents[0], documents[1]]):
            autolog.log_dict(document, f"charts/{number}.json")
    found = list(charts_of(autolog.get_run(run.run_id)))
    assert [each.columns["count"] for each in found] == [[3, 4], [7]]
