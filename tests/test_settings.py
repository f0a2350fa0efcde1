"""The table of options: what each takes, which source wins, and what is refused at which place."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolog.exceptions import SettingsError
from autolog.settings.page import as_markdown
from autolog.settings.sources import check, is_off, load
from autolog.settings.table import OPTIONS, Settings


@pytest.fixture(autouse=True)
def _no_other_source(monkeypatch, tmp_path):
    """Start each test in an empty folder and without variables of ours."""
    for name in [name for name in os.environ if name.startswith("AUTOLOG")]:
        monkeypatch.delenv(name)
    (tmp_path / "pyproject.toml").write_text("")
    monkeypatch.chdir(tmp_path)


def _write(text: str) -> Path:
    path = Path.cwd() / "pyproject.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_defaults_are_those_of_the_table():
    """With no source at all every option has its default."""
    assert load({}, {}).general == Settings(
        experiment="default",
        backend=("./autolog-runs",),
        extra_tags={},
        log_models=True,
        log_datasets=True,
        log_model_signatures=True,
        log_input_examples=False,
        log_training_metrics=None,
        log_post_training_metrics=True,
        log_system_metrics=False,
        max_tuning_runs=None,
        max_model_mb=200.0,
        model_format="pickle",
        redact=(),
        exclude_params=(),
        silent=False,
        exit_timeout=10.0,
    )
    assert load({}, {}).general == Settings()


def test_call_beats_environment_beats_file_beats_default(monkeypatch):
    """Each source wins over the ones after it."""
    assert load({}, {}).general.experiment == "default"
    _write('[tool.autolog]\nexperiment = "of the file"')
    assert load({}, {}).general.experiment == "of the file"
    monkeypatch.setenv("AUTOLOG_EXPERIMENT", "of the environment")
    assert load({}, {}).general.experiment == "of the environment"
    assert load({"experiment": "of the call"}, {}).general.experiment == "of the call"


@pytest.mark.parametrize("plugin_sources", range(4))
@pytest.mark.parametrize("general_sources", range(8))
def test_the_order_of_sources_holds_for_plugins_too(monkeypatch, plugin_sources, general_sources):
    """For one plugin the first source that sets an option wins, whether it speaks of that plugin or of all."""
    file = "[tool.autolog]\n" + ("max_model_mb = 1\n" if general_sources & 1 else "")
    file += "[tool.autolog.torch]\n" + ("max_model_mb = 2\n" if plugin_sources & 1 else "")
    _write(file)
    if general_sources & 2:
        monkeypatch.setenv("AUTOLOG_MAX_MODEL_MB", "3")
    call = {"max_model_mb": 4} if general_sources & 4 else {}
    plugin_call = {"torch": {"max_model_mb": 5}} if plugin_sources & 2 else {}
    strongest = [
        (plugin_call, 5),
        (call, 4),
        (general_sources & 2, 3),
        (plugin_sources & 1, 2),
        (general_sources & 1, 1),
    ]
    expected = next((value for said, value in strongest if said), 200)
    assert load(call, plugin_call).of("torch").max_model_mb == expected
    assert load(call, plugin_call).of("xgboost") == load(call, plugin_call).general


def test_a_plugin_without_settings_of_its_own_has_the_general_ones():
    """What is set for one plugin leaves the others, and the general settings, alone."""
    resolved = load({"max_model_mb": 5}, {"torch": {"log_models": False}})
    assert resolved.of("torch").log_models is False
    assert resolved.of("torch").max_model_mb == 5.0
    assert resolved.of("sklearn") == resolved.general


def test_origins_say_where_each_value_was_set(monkeypatch):
    """Every option has a row with its value, its source and the exact place; plugins' own values follow."""
    path = _write("[tool.autolog]\nsilent = true\n[tool.autolog.torch]\nlog_models = false\n")
    monkeypatch.setenv("AUTOLOG_EXPERIMENT", "fraud")
    rows = load({"backend": "s3://me:pw@bucket"}, {}).origins()
    assert [row.option for row in rows] == [*OPTIONS, "torch.log_models"]
    by_name = {row.option: row[1:] for row in rows}
    assert by_name["silent"] == (True, "file", f"{path} [tool.autolog] silent")
    assert by_name["torch.log_models"] == (False, "file", f"{path} [tool.autolog.torch] log_models")
    assert by_name["experiment"] == ("fraud", "environment", "the environment variable AUTOLOG_EXPERIMENT")
    assert by_name["backend"] == (("s3://[redacted]@bucket",), "call", "enable(backend=...)")
    assert by_name["log_models"] == (True, "default", "")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("experiment", "a, b", "a, b"),
        ("backend", "./runs,s3://bucket/team", ("./runs", "s3://bucket/team")),
        ("backend", '["a,b"]', ("a,b",)),
        ("extra_tags", "team=risk, stage=a=b", {"team": "risk", "stage": "a=b"}),
        ("extra_tags", '{"n": 1}', {"n": 1}),
        ("redact", "*_pin,*_code", ("*_pin", "*_code")),
        ("redact", "[]", ()),
        ("max_tuning_runs", "5", 5),
        ("max_tuning_runs", "None", None),
        ("log_training_metrics", "none", None),
        ("log_training_metrics", "no", False),
        ("max_model_mb", "1e3", 1000.0),
        ("exit_timeout", "0", 0.0),
        *[("log_models", text, False) for text in ("0", "false", "No", " OFF ")],
        *[("silent", text, True) for text in ("1", "true", "Yes", "ON")],
    ],
)
def test_environment_texts_are_read_by_the_options_type(monkeypatch, name, text, value):
    """A variable's text becomes a value of the option's own type."""
    monkeypatch.setenv(f"AUTOLOG_{name.upper()}", text)
    found = getattr(load({}, {}).general, name)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("log_models", "maybe"),
        ("max_tuning_runs", "1.5"),
        ("max_tuning_runs", "-1"),
        ("max_model_mb", "many"),
        ("max_model_mb", "nan"),
        ("max_model_mb", "inf"),
        ("exit_timeout", "1e9"),
        ("extra_tags", "team"),
        ("extra_tags", '{"a": '),
        ("backend", ","),
        ("backend", "[1]"),
    ],
)
def test_a_bad_variable_is_refused_by_its_name(monkeypatch, name, text):
    """A text that cannot be read is an error that names the variable and what would be right."""
    monkeypatch.setenv(f"AUTOLOG_{name.upper()}", text)
    with pytest.raises(SettingsError) as error:
        load({}, {})
    assert f"AUTOLOG_{name.upper()}" in str(error.value)
    assert f"{name} must be {OPTIONS[name].kind.words}" in str(error.value)


def test_an_empty_variable_counts_as_not_set(monkeypatch):
    """`AUTOLOG_EXPERIMENT= python train.py` is the default experiment."""
    monkeypatch.setenv("AUTOLOG_EXPERIMENT", " ")
    monkeypatch.setenv("AUTOLOG_LOG_MODELS", "")
    assert load({}, {}).general == Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("experiment", 3),
        ("experiment", " "),
        ("experiment", None),
        ("backend", []),
        ("backend", 3),
        ("backend", [b"x"]),
        ("extra_tags", ["a"]),
        ("extra_tags", {1: "a"}),
        ("log_models", 1),
        ("log_models", "yes"),
        ("log_models", None),
        ("log_training_metrics", "auto"),
        ("max_tuning_runs", 2.0),
        ("max_tuning_runs", True),
        ("max_tuning_runs", -1),
        ("max_model_mb", "200"),
        ("max_model_mb", True),
        ("max_model_mb", -0.5),
        ("max_model_mb", 10**400),
        ("exclude_params", {"a"}),
        ("redact", [1]),
        ("exit_timeout", float("nan")),
    ],
)
def test_a_bad_value_in_the_call_is_refused(name, value):
    """A value of the wrong type or range is an error that names the option, what it takes, and the call."""
    with pytest.raises(SettingsError, match=r"set at enable\(") as error:
        check({name: value})
    assert f"{name} must be" in str(error.value)


def test_paths_and_single_names_are_taken():
    """A path may stand for a backend, and one text for a list of one."""
    general = load({"backend": Path("runs"), "redact": "*_pin", "exclude_params": ["a", "b"]}, {}).general
    assert (general.backend, general.redact, general.exclude_params) == (("runs",), ("*_pin",), ("a", "b"))


def test_an_unknown_option_suggests_the_nearest():
    """A misspelt option is refused with the name that was probably meant."""
    with pytest.raises(SettingsError, match=r"'log_model'; did you mean 'log_models'\?.*enable\(log_model=") as error:
        check({"log_model": False})
    assert "exit_timeout" in str(error.value), "all options are listed"
    with pytest.raises(SettingsError, match=r'enable\("torch", log_model='):
        check({"log_model": False}, "torch")


def test_options_of_the_process_cannot_be_set_for_one_plugin():
    """What holds for the whole process is refused where it is set for a plugin."""
    with pytest.raises(SettingsError, match="experiment holds for all plugins and cannot be set for torch alone"):
        load({}, {"torch": {"experiment": "x"}})
    assert OPTIONS["log_models"].per_plugin
    assert not OPTIONS["backend"].per_plugin


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "[tool.autolog]\nlog_model = false",
            r"'log_model'; did you mean 'log_models'.*pyproject.toml \[tool.autolog\]",
        ),
        (
            "[tool.autolog]\nlog_models = 0",
            r"log_models must be True or False, not 0 .*pyproject.toml \[tool.autolog\]",
        ),
        ("[tool.autolog.torch]\nmax_model_mb = 'x'", r"\[tool.autolog.torch\] max_model_mb"),
        ("[tool.autolog.extra_tag]\nteam = 'x'", r"no option 'team'.*\[tool.autolog.extra_tag\] team"),
        ("[tool.autolog\n", r"pyproject.toml cannot be read"),
        ("tool.autolog = 3", r"must be a table"),
    ],
)
def test_a_bad_file_is_refused_by_its_path_and_key(text, problem):
    """What the file has wrong is an error that says where it stands."""
    _write(text)
    with pytest.raises(SettingsError, match=problem):
        load({}, {})


def test_a_secret_in_a_refused_value_is_not_shown(monkeypatch):
    """The error about a backend does not print the password within it."""
    with pytest.raises(SettingsError) as error:
        check({"backend": ["https://me:hunter2@host", 3]})
    assert "hunter2" not in str(error.value)


def test_a_broken_file_that_does_not_speak_of_us_is_no_business_of_ours():
    """A pyproject.toml without our table is not even parsed."""
    _write("[tool.other\n")
    assert load({}, {}).general == Settings()


def test_the_nearest_file_upward_counts(monkeypatch):
    """From a folder below, the first pyproject.toml upward is read, and no further one."""
    _write('[tool.autolog]\nexperiment = "outer"\nextra_tags = {team = "risk"}')
    inner = Path.cwd() / "inner" / "deep"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    general = load({}, {}).general
    assert (general.experiment, general.extra_tags) == ("outer", {"team": "risk"})
    (inner.parent / "pyproject.toml").write_text("[project]\n")
    assert load({}, {}).general.experiment == "default"


def test_a_removed_working_directory_is_no_error(monkeypatch, tmp_path):
    """Where the working directory is gone there is no file, and the rest holds."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert load({"silent": True}, {}).general.silent is True


@pytest.mark.parametrize("text", ["0", "false", "OFF", " no "])
def test_autolog_0_switches_off(monkeypatch, text):
    """Any of the words for off does; nothing else, and not its absence."""
    assert not is_off()
    monkeypatch.setenv("AUTOLOG", text)
    assert is_off()
    monkeypatch.setenv("AUTOLOG", "1")
    assert not is_off()


def test_settings_cannot_be_changed_and_do_not_share_the_callers_containers():
    """Neither the settings nor a dict handed in can change what was resolved."""
    tags = {"team": "risk"}
    general = load({"extra_tags": tags}, {}).general
    tags["team"] = "other"
    assert general.extra_tags == {"team": "risk"}
    with pytest.raises(AttributeError):
        general.silent = True  # type: ignore[misc]


def test_the_documentation_has_the_table():
    """Each option has a line, with a sentence."""
    for name, option in OPTIONS.items():
        assert f"| `{name}` |" in as_markdown()
        assert option.doc.endswith(".")


def test_the_toml_parser_is_imported_only_for_a_file_that_speaks_of_us():
    """Importing the module, and reading a file without our table, leave the parser alone."""
    _write("[project]\n")
    parsers = "{'tomllib', 'tomli'} & sys.modules.keys()"
    code = f"import sys, autolog.settings.sources as s; s.load({{}}, {{}}); print(bool({parsers}))"
    run = [sys.executable, "-c", code]
    assert subprocess.run(run, capture_output=True, text=True, check=True).stdout == "False\n"
    _write("[tool.autolog]\n")
    assert subprocess.run(run, capture_output=True, text=True, check=True).stdout == "True\n"


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)


@given(name=st.sampled_from(sorted(OPTIONS)), value=_ANYTHING)
def test_a_value_is_taken_in_its_canonical_form_or_refused(name, value):
    """Whatever is given, the outcome is a SettingsError or a value that would be taken again as it is."""
    try:
        taken = OPTIONS[name].kind.take
        check({name: value})
    except SettingsError:
        return
    assert taken(taken(value)) == taken(value)


@given(
    name=st.sampled_from(sorted(OPTIONS)),
    text=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
)
def test_any_text_of_a_variable_is_read_or_refused(name, text):
    """No text of a variable leads to anything but a value or a SettingsError."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(f"AUTOLOG_{name.upper()}", text)
        try:
            load({}, {})
        except SettingsError as error:
            assert f"AUTOLOG_{name.upper()}" in str(error)
