"""What is recorded of data: its description, its digest, its signature; for every container, and at no cost to it."""

from __future__ import annotations

import datetime
import decimal
import subprocess
import sys
import zoneinfo

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autolog_numpy
import autolog_pandas
import autolog_polars
import autolog_pyarrow
import autolog_scipy
from autolog.capture.canonical import CELL_BYTES
from autolog.capture.data import dataset_facts, describe, signature
from autolog.capture.digests import digest
from autolog.hookspecs import DataDescription

PLUGINS = (autolog_numpy, autolog_pandas, autolog_polars, autolog_pyarrow, autolog_scipy)


def ask(data):
    """Call the plugins as the core does: the first that knows the data wins."""
    return next((found for plugin in PLUGINS if (found := plugin.autolog_describe_data(data))), None)


def told(data):
    """Describe data that must be describable."""
    found = describe(data, ask)
    assert found is not None
    return found


def fingerprint(data, **options):
    """Give the digest's value."""
    return digest([told(data)], **options).value


# ---- arrays

NUMBERS = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(endianness="="),
    hnp.unsigned_integer_dtypes(endianness="="),
    hnp.floating_dtypes(endianness="="),
    hnp.complex_number_dtypes(endianness="=", sizes=(64, 128)),
    hnp.datetime64_dtypes(endianness="="),
    hnp.timedelta64_dtypes(endianness="="),
    hnp.unicode_string_dtypes(endianness="=", max_len=5),
    hnp.byte_string_dtypes(endianness="=", max_len=5),
)
ARRAYS = hnp.arrays(NUMBERS, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=6))


def strided(array):
    """Give the same elements in a view with gaps."""
    if array.ndim == 0:
        return array
    wide = np.zeros([2 * side for side in array.shape], array.dtype)
    view = wide[tuple(slice(None, None, 2) for _ in array.shape)]
    view[...] = array
    return view


@settings(deadline=None)
@given(ARRAYS)
def test_layout_is_no_content(array):
    """C order, Fortran order, strides and byte order leave the digest as it is."""
    swapped = array.astype(array.dtype.newbyteorder(">"))
    same = [np.asfortranarray(array) if array.ndim else array, strided(array), swapped, array[...]]
    assert {fingerprint(other) for other in same} == {fingerprint(array)}
    assert {told(other).dtype for other in same} == {told(array).dtype}


@settings(deadline=None)
@given(ARRAYS.filter(lambda array: array.size > 0 and array.dtype.itemsize > 0), st.data())
def test_every_cell_counts(array, data):
    """One changed cell, at any place of any array, gives another digest."""
    place = data.draw(st.integers(0, array.size - 1))
    changed = array.copy()
    raw = changed.reshape(-1).view("u1").reshape(array.size, -1)
    raw[place, 0] ^= 1
    assert fingerprint(changed) != fingerprint(array)


@given(hnp.arrays(np.float64, (4, 3)))
def test_shape_and_type_count(array):
    """The same bytes in another shape or of another type are other data."""
    others = [array.reshape(3, 4), array.view("i8"), array.reshape(-1), array.view("M8[s]")]
    assert len({fingerprint(array), *map(fingerprint, others)}) == 5


def test_blocks_do_not_show():
    """Arrays of several blocks, of rows larger than a block, and copied block by block have one digest."""
    for shape in [(2_000_000,), (1_000, 1_500), (2, 800_000), (2, 3, 400_000)]:
        array = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
        assert fingerprint(array) == fingerprint(np.asfortranarray(array)) == fingerprint(array.astype(">f8"))


def test_floats_count_bit_for_bit():
    """Negative zero is not zero, and NaNs of two payloads are two values."""
    nan, other = np.array([0x7FF8000000000000, 0x7FF8000000000001]).view(np.float64)
    assert fingerprint(np.array([0.0])) != fingerprint(np.array([-0.0]))
    assert fingerprint([0.0]) != fingerprint([-0.0])
    assert fingerprint(np.array([nan])) != fingerprint(np.array([other]))
    assert fingerprint(np.array([nan])) == fingerprint(np.array([nan]))


def test_long_doubles_count_without_their_padding():
    """Bytes that pad a long double are no content; its last bit is."""
    array = np.ones(3, np.longdouble)
    padded = array.copy()
    if np.finfo(np.longdouble).nmant == 63:
        padded.view("u1").reshape(3, -1)[:, 10:] = 7
    assert fingerprint(array) == fingerprint(padded)
    assert fingerprint(array) != fingerprint(array + np.finfo(np.longdouble).eps)


def test_structured_arrays_count_field_by_field():
    """A structured array has its fields as columns; padding is no content, names and values are."""
    aligned = np.zeros(3, np.dtype([("a", "i1"), ("b", "f8", (2,))], align=True))
    padded = np.frombuffer(bytes([9]) * aligned.nbytes, aligned.dtype).copy()
    padded["a"], padded["b"] = aligned["a"], aligned["b"]
    assert [column.name for column in told(aligned).columns] == ["a", "b"]
    assert fingerprint(padded) == fingerprint(aligned)
    padded["b"][2, 1] = 1
    assert fingerprint(padded) != fingerprint(aligned)


def test_subclasses_of_arrays(tmp_path):
    """Matrices and memory maps count as their elements; of a masked array the mask counts too."""
    array = np.arange(12.0).reshape(3, 4)
    np.save(tmp_path / "a.npy", array)
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    masked = np.ma.MaskedArray(array, mask=array > 5)
    assert told(mapped).kind == "numpy.memmap" and told(array.view(np.matrix)).kind == "numpy.matrix"
    assert fingerprint(array) == fingerprint(mapped) == fingerprint(array.view(np.matrix))
    assert fingerprint(masked) not in (fingerprint(array), fingerprint(np.ma.MaskedArray(array, mask=array > 6)))


@pytest.mark.skipif(not hasattr(np.dtypes, "StringDType"), reason="numpy 2 has strings of any length")
def test_strings_of_any_length():
    """Strings that an array only points to count by their text."""
    texts = ["a", "b" * 100, ""]
    array = np.array(texts, np.dtypes.StringDType())
    assert fingerprint(array) == fingerprint(array[::1].copy()) != fingerprint(np.flip(array))


def test_a_subclass_runs_no_code():
    """An array of the user's class is read without any of that class's code."""

    class Loud(np.ndarray):
        def __getitem__(self, key):
            raise AssertionError

        def __array_finalize__(self, other):
            if other is not None and type(other) is not np.ndarray:
                raise AssertionError

        shape = property(lambda self: 1 / 0)

    array = np.arange(4.0)
    loud = array.view(Loud)
    assert fingerprint(loud) == fingerprint(array)
    assert told(loud).kind.endswith("Loud")


# ---- objects


class Secretive:
    """An object none of whose code may run."""

    def _refuse(self, *_):
        raise AssertionError

    __repr__ = __str__ = __hash__ = __eq__ = __len__ = __iter__ = __bool__ = __reduce_ex__ = _refuse
    __class__ = property(_refuse)  # type: ignore[assignment]


EXACT = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.complex_numbers(),
    st.text(st.characters(), max_size=5),
    st.binary(max_size=5),
    st.dates(),
    st.datetimes(timezones=st.none() | st.just(datetime.timezone.utc)),
    st.times(),
    st.timedeltas(),
    st.decimals(),
)


def typed(cell):
    """Give what tells plain values apart: `1`, `1.0` and `True` are three, every NaN of one sign is one."""
    return type(cell), repr(cell), getattr(cell, "fold", None)


@settings(deadline=None)
@given(st.lists(EXACT, min_size=1, max_size=6), st.lists(EXACT, min_size=1, max_size=6))
def test_object_cells_are_exact(cells, others):
    """Two object arrays have one digest only where their cells are of one type and one value."""
    array, other = np.empty(len(cells), object), np.empty(len(others), object)
    array[:], other[:] = cells, others
    if list(map(typed, cells)) != list(map(typed, others)):
        assert fingerprint(array) != fingerprint(other)
    assert fingerprint(array) == fingerprint(array.copy())


def test_object_cells_that_look_alike():
    """Values that compare equal, or read the same, are told apart."""
    berlin, paris = zoneinfo.ZoneInfo("Europe/Berlin"), zoneinfo.ZoneInfo("Europe/Paris")
    noon = datetime.datetime(2026, 1, 1, 12)
    east = datetime.timezone(datetime.timedelta(hours=1))
    cells = [1, 1.0, True, "1", b"1", decimal.Decimal(1), np.int64(1), np.int32(1), np.float64(1), np.array([1])]
    cells += [noon, noon.replace(tzinfo=berlin), noon.replace(tzinfo=paris), noon.replace(tzinfo=east), noon.date()]
    cells += [pd.Timestamp(noon), pd.Timestamp(noon) + pd.Timedelta(1, "ns"), pd.NaT, pd.NA, None, np.nan]
    cells += [
        np.poly1d([1]),
        [1],
        (1,),
        [[1]],
        {"a": 1},
        {"a": 2},
        ["ab", "c"],
        ["a", "bc"],
        ["a"],
        "\ud800",
        1 << 20_000,
    ]
    found = [fingerprint(pd.Series([cell, None], dtype=object)) for cell in cells]
    assert len(set(found)) == len(cells)


def test_unknown_cells_run_no_code():
    """Of an object of the user's only its type counts, in lists, arrays and tables alike."""
    cells = [Secretive(), 1, "a"]
    array = np.empty(3, object)
    array[:] = cells
    series = pd.Series(array, dtype=object)
    for data in (cells, tuple(cells), {"a": cells}, array, series, series.to_frame()):
        digest([told(data)])
    assert fingerprint([Secretive()]) == fingerprint([Secretive()]) != fingerprint([object()])


def test_cells_within_themselves():
    """A list that holds itself is described, and ends."""
    loop = [1]
    loop.append(loop)
    knot = {}
    knot["knot"] = knot
    assert told(loop).shape == (2,) and told(knot).kind == "dict"
    assert len(fingerprint(loop)) == 32


# ---- tables

STAMPS = pd.to_datetime(["2026-01-01", None, "2026-01-03"])
ARROW_OF_PANDAS = {
    "arrow_int": pd.array([1, None, 3], pd.ArrowDtype(pa.int64())),
    "arrow_time": pd.array(STAMPS, pd.ArrowDtype(pa.timestamp("ns"))),
}
PANDAS = {
    "bool": [True, False, False],
    "bytes": [b"x", b"", b"y"],
    "categorical": pd.Categorical(["u", None, "v"]),
    "complex": np.array([1j, 2, 3]),
    "float": [1.5, np.nan, -0.0],
    "int": np.array([1, 2, 3], "i2"),
    "interval": pd.arrays.IntervalArray.from_breaks([0, 1, 2, 3]),
    "mixed": pd.Series([1, "a", None], dtype=object),
    "nullable": pd.array([1, None, 3], "Int64"),
    "nullable_bool": pd.array([True, None, False], "boolean"),
    "nullable_float": pd.array([1.5, None, 2.5], "Float32"),
    "object_string": pd.Series(["ä", "", "z"], dtype=object),
    "period": pd.period_range("2026-01", periods=3, freq="M"),
    "sparse": pd.arrays.SparseArray([0, 0, 7]),
    "string": pd.array(["ä", None, "z"], "string"),
    "time": STAMPS,
    "timedelta": pd.to_timedelta([1, 2, 3], "s"),
    "zoned": STAMPS.tz_localize("Europe/Paris"),
    **ARROW_OF_PANDAS,
}


def pandas_table():
    """Give a table with a column of every type."""
    return pd.DataFrame({name: pd.Series(values) for name, values in PANDAS.items()})


@pytest.mark.parametrize("name", PANDAS)
def test_every_type_of_pandas_column_counts(name):
    """A column is described by its type, and the order of its cells changes the digest of table and series."""
    column = pd.Series(PANDAS[name], name=name)
    turned = column.iloc[::-1]
    assert told(column).columns[0].dtype == str(column.dtype) == told(column).dtype
    assert fingerprint(column) == fingerprint(column.copy()) != fingerprint(turned)
    assert fingerprint(turned) == fingerprint(turned.copy().reset_index(drop=True))
    assert fingerprint(column.to_frame()) != fingerprint(turned.to_frame())


def test_a_table_of_pandas():
    """A table's names, their order, their types and its values count; its index and its blocks do not."""
    table = pandas_table()
    same = pd.concat([table[[name]] for name in table], axis=1).set_index(pd.Index(list("xyz")))
    assert told(table).kind == "pandas.DataFrame" and told(table).shape == (3, len(PANDAS))
    assert [(c.name, c.dtype) for c in told(table).columns] == [(n, str(t)) for n, t in table.dtypes.items()]
    others = [table.rename(columns={"int": "x"}), table[table.columns[::-1]], table.astype({"int": "i4"}), table[:2]]
    assert fingerprint(table) == fingerprint(same)
    assert len({fingerprint(table), *map(fingerprint, others)}) == 5


def test_names_of_columns():
    """Names of any type, twice the same, and of several levels are described and told apart."""
    values = np.zeros((2, 2))
    names = [["a", "a"], [1, 2], ["1", "2"], [1.5, None], [("a", 1), ("a", "1")], [pd.Timestamp(0), pd.NaT]]
    tables = [pd.DataFrame(values, columns=pd.Index(each, dtype=object, tupleize_cols=False)) for each in names]
    tables.append(pd.DataFrame(values, columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])))
    assert len(set(map(fingerprint, tables))) == len(tables)
    assert [column.name for column in told(tables[0]).columns] == ["a", "a"]
    assert told(tables[-2]).columns[0].name == "1970-01-01 00:00:00"
    assert [column.name for column in told(tables[-1]).columns] == ["(a, 1)", "(b, 2)"]


def test_indexes_of_pandas():
    """An index is data too where it is given as such; a range counts as its numbers."""
    several = pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["x", "y"])
    assert [column.name for column in told(several).columns] == ["x", "y"] and told(several).shape == (2, 2)
    assert fingerprint(several) != fingerprint(several[::-1])
    assert fingerprint(pd.RangeIndex(3)) == fingerprint(pd.Index([0, 1, 2])) != fingerprint(pd.Index([0, 1, 3]))
    assert told(STAMPS).kind == "pandas.DatetimeIndex"


def test_pandas_is_left_alone():
    """Values, flags, attributes and caches of a table, and those of its indexes, stay as they were."""

    class Attribute:
        def __deepcopy__(self, memo):
            raise AssertionError

    table = pandas_table()
    before, flags = table.copy(), table.flags.allows_duplicate_labels
    table.attrs["note"] = attribute = Attribute()
    state = {id(thing): dict(vars(thing)) for thing in (table, table.columns, table.index)}
    caches = [dict(thing._cache) for thing in (table.columns, table.index)]
    digest([told(table), told(table)])
    assert [dict(thing._cache) for thing in (table.columns, table.index)] == caches
    assert all(vars(thing).keys() == state[id(thing)].keys() for thing in (table, table.columns, table.index))
    assert table.attrs == {"note": attribute} and table.flags.allows_duplicate_labels == flags
    pd.testing.assert_frame_equal(pd.DataFrame(table), before)


def test_a_subclass_of_a_table_runs_no_code():
    """A table of the user's class is read as the plain table that it is."""

    class Loud(pd.DataFrame):
        _constructor = _constructor_sliced = property(lambda self: 1 / 0)

        def __getitem__(self, key):
            raise AssertionError

    table = pd.DataFrame({"a": [1, 2]})
    assert fingerprint(Loud(table)) == fingerprint(table)


POLARS = {
    "bool": pl.Series([True, None, False]),
    "categorical": pl.Series(["u", None, "v"], dtype=pl.Categorical),
    "date": pl.Series([datetime.date(2026, 1, 1), None, datetime.date(2026, 1, 3)]),
    "decimal": pl.Series([decimal.Decimal("1.5"), None, decimal.Decimal(2)]),
    "enum": pl.Series(["u", None, "v"], dtype=pl.Enum(["u", "v"])),
    "float": pl.Series([1.5, None, float("nan")]),
    "int": pl.Series([1, None, 3], dtype=pl.Int16),
    "list": pl.Series([[1, 2], None, [3]]),
    "struct": pl.Series([{"a": 1}, {"a": None}, {"a": 3}]),
    "string": pl.Series(["ä", None, "z"]),
    "time": pl.Series([datetime.time(1), None, datetime.time(2)]),
    "wide": pl.Series([1, None, 2], dtype=pl.Int128),
    "zoned": pl.Series([datetime.datetime(2026, 1, 1), None, None]).dt.replace_time_zone("UTC"),
}


@pytest.mark.parametrize("name", POLARS)
def test_every_type_of_polars_column_counts(name):
    """The order of cells counts, and the chunks they lie in do not."""
    column = POLARS[name].alias(name)
    chunked = column[:1].append(column[1:])
    assert told(column).dtype == str(column.dtype) and told(column).shape == (3,)
    assert fingerprint(column) == fingerprint(chunked) != fingerprint(column.reverse())
    assert fingerprint(column.to_frame()) != fingerprint(column.reverse().to_frame())


def test_a_table_of_polars():
    """A table's names, their order and their types count."""
    table = pl.DataFrame(POLARS)
    others = [table.rename({"int": "x"}), table[table.columns[::-1]], table.cast({"int": pl.Int32}), table[:2]]
    assert told(table).kind == "polars.DataFrame" and told(table).shape == table.shape
    assert [(c.name, c.dtype) for c in told(table).columns] == [(n, str(t)) for n, t in table.schema.items()]
    assert fingerprint(table) == fingerprint(table.clone())
    assert len({fingerprint(table), *map(fingerprint, others)}) == 5


def test_a_lazy_frame_is_not_collected():
    """A LazyFrame is named, and neither run nor asked for its schema."""

    def refuse(frame):
        raise AssertionError

    found = told(pl.DataFrame({"a": [1]}).lazy().map_batches(refuse))
    assert (found.kind, found.shape, found.columns, found.update) == ("polars.LazyFrame", None, (), None)


ARROW = {
    "binary": pa.array([b"x", None, b"y"]),
    "bool": pa.array([True, None, False]),
    "date": pa.array([1, None, 3], pa.date32()),
    "decimal": pa.array([decimal.Decimal("1.5"), None, decimal.Decimal("2.5")]),
    "dictionary": pa.array(["u", None, "v"]).dictionary_encode(),
    "fixed_list": pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int8(), 2)),
    "fixed_binary": pa.array([b"ab", None, b"cd"], pa.binary(2)),
    "half": pa.array(np.array([1, 2, 3], "f2")),
    "int": pa.array([1, None, 3], pa.int16()),
    "list": pa.array([[1, 2], None, [3, None]]),
    "map": pa.array([[("a", 1)], None, [("b", 2)]], pa.map_(pa.string(), pa.int8())),
    "string": pa.array(["ä", None, "zz"]),
    "string_view": pa.array(["ä", None, "zz"], pa.string_view()),
    "struct": pa.array([{"a": 1, "b": "x"}, None, {"a": 3, "b": None}]),
    "time": pa.array([1, None, 3], pa.timestamp("ns", "UTC")),
    "union": pa.UnionArray.from_sparse(
        pa.array([0, 1, 0], pa.int8()), [pa.array([1, 2, 3]), pa.array(["a", "b", "c"])]
    ),
    "uuid": pa.array([bytes(16), None, bytes(range(16))], pa.uuid()),
}


@pytest.mark.parametrize("name", ARROW)
def test_every_type_of_arrow_column_counts(name):
    """The order of cells counts; chunks, and where in a buffer they begin, do not."""
    column = ARROW[name]
    turned = pa.concat_arrays([column[1:], column[:1]])
    chunked = pa.chunked_array([column[:1], column[1:]])
    moved = pa.concat_arrays([column[2:], column])[1:]
    assert told(column).dtype == str(column.type)
    assert fingerprint(column) == fingerprint(chunked) == fingerprint(moved) != fingerprint(turned)


def test_what_lies_under_a_null_does_not_count():
    """Two arrow arrays that differ only in bytes that a null hides are equal."""
    hidden, plain = (pa.array(values, mask=np.array([False, True])) for values in (np.array([1, 9]), np.array([1, 0])))
    assert fingerprint(hidden) == fingerprint(plain)


def test_a_table_of_arrow():
    """A table's names, their order and their types count, and a batch of the same columns is equal."""
    table = pa.table({name: column for name, column in ARROW.items() if name != "union"})
    others = [table.rename_columns([*table.column_names[:-1], "x"]), table.select(table.column_names[::-1]), table[:2]]
    assert told(table).kind == "pyarrow.Table" and told(table).shape == table.shape
    assert fingerprint(table) == fingerprint(table.to_batches()[0])
    assert len({fingerprint(table), *map(fingerprint, others)}) == 4


def test_arrow_blocks_do_not_show():
    """A column of several blocks has one digest however it is chunked."""
    numbers = pa.array(np.arange(200_000))
    texts = numbers.cast(pa.string())
    for column in (numbers, texts):
        pieces = pa.chunked_array([column[:70_001], column[70_001:]])
        assert fingerprint(column) == fingerprint(pieces)


# ---- sparse

DENSE = np.array([[0.0, 1, 0, 2], [0, 0, 0, 0], [3, 0, 0, 4]])


@pytest.mark.parametrize("form", ["bsr", "coo", "csc", "csr", "dia", "dok", "lil"])
@pytest.mark.parametrize("kind", ["matrix", "array"])
def test_sparse_formats(form, kind):
    """Every sparse format is read as stored: values, places, shape and type count, and it stays as it was."""
    make = getattr(sp, f"{form}_{kind}")
    matrix, other = make(DENSE), make(DENSE[::-1])
    before = dict(vars(matrix))
    assert told(matrix).kind == f"scipy.sparse.{form}_{kind}"
    assert (told(matrix).shape, told(matrix).dtype) == ((3, 4), "float64")
    assert fingerprint(matrix) == fingerprint(matrix.copy())
    others = [fingerprint(other), fingerprint(make(DENSE * 2)), fingerprint(make(DENSE.astype("f4")))]
    assert fingerprint(matrix) not in others and len(set(others)) == 3
    assert vars(matrix).keys() == before.keys()
    assert digest([told(matrix)], budget=16).sampled


# ---- plain Python


def test_lists_are_described():
    """Lists and tuples say what they hold; rows of one length make two dimensions."""
    cases = [
        ([1, 2, 3], (3,), "int"),
        ((1.5, "a"), (2,), "float | str"),
        ([[1, 2.5], (3, 4.5)], (2, 2), "float | int"),
        ([[1], [2, 3]], (2,), "list"),
        ([], (0,), None),
    ]
    for data, shape, dtype in cases:
        found = told(data)
        assert (found.kind, found.shape, found.dtype) == (type(data).__name__, shape, dtype)


@settings(deadline=None)
@given(st.lists(EXACT | st.lists(EXACT, max_size=3), max_size=8))
def test_lists_count_cell_by_cell(cells):
    """A longer list, a turned one and one that is nested deeper are other data."""
    others = [[*cells, None], [cells]]
    assert fingerprint(cells) == fingerprint(list(cells))
    assert fingerprint(cells) not in map(fingerprint, others)


def test_a_dict_of_columns_is_a_table():
    """A dict of columns of one length is a table, whatever holds the columns; any other is only a dict."""
    table = told({"a": [1, 2], "b": np.zeros(2, "f4"), 3: pl.Series([1, 2])})
    assert table.shape == (2, 3)
    assert [(column.name, column.dtype) for column in table.columns] == [("a", "int"), ("b", "float32"), ("3", "Int64")]
    for other in ({"a": [1, 2], "b": [1]}, {"a": 1}, {}, {"a": {"b": [1]}}):
        assert told(other) == DataDescription("dict", (len(other),))
    tables = [{"a": [1, 2]}, {"a": [1, 3]}, {"b": [1, 2]}, {"a": [1.0, 2.0]}, {"a": (1, 2), "b": (1, 2)}]
    assert len(set(map(fingerprint, tables))) == len(tables)


def test_the_unknown_is_only_named():
    """An object of the user's is named without running its code; a generator is not advanced; None is nothing."""
    numbers = (number for number in range(3))
    found = told(numbers)
    assert (found.kind, found.shape, found.update) == ("generator", None, None)
    assert list(numbers) == [0, 1, 2]
    assert told(Secretive()).kind == f"{__name__}.Secretive"
    assert told({1, 2}).shape == (2,) and told("train.csv").shape is None
    assert describe(None, ask) is None


# ---- digests and samples


def test_a_digest_is_of_all_parts():
    """Inputs and target count together, in their order; a digest is 32 hexadecimal digits."""
    inputs, target = told(np.zeros((3, 2))), told(np.ones(3))
    found = digest([inputs, target])
    assert len(found.value) == 32 and int(found.value, 16) >= 0 and not found.sampled
    assert len({found.value, digest([target, inputs]).value, digest([inputs]).value, digest([]).value}) == 4


def test_data_beyond_the_budget_is_sampled():
    """Beyond the budget rows at one distance are read, of every part the same; a change among them is seen."""
    inputs, target = np.zeros((100, 8)), np.zeros(100)
    parts, budget = [told(inputs), told(target)], (inputs.nbytes + target.nbytes) // 4
    before = digest(parts, budget)
    assert before.sampled and not digest(parts, budget * 4).sampled
    inputs[3] = target[3] = 1
    assert digest(parts, budget) == before
    inputs[4] = 1
    seen = digest(parts, budget)
    target[8] = 1
    assert len({before, seen, digest(parts, budget)}) == 3


@pytest.mark.parametrize(
    "data",
    [
        np.arange(3_000.0).reshape(1_000, 3),
        np.asfortranarray(np.arange(3_000).reshape(1_000, 3)),
        pd.concat([pandas_table()] * 300, ignore_index=True),
        pl.concat([pl.DataFrame(POLARS)] * 300),
        pa.concat_tables([pa.table({name: ARROW[name] for name in ARROW if name != "union"})] * 300),
        list(range(1_000)),
        {"a": list(range(1_000)), "b": np.arange(1_000)},
    ],
    ids=["C", "F", "pandas", "polars", "pyarrow", "list", "dict"],
)
def test_a_sample_is_the_same_each_time(data):
    """Every container can be sampled; the sample is smaller than the whole, and shape and schema still count."""
    part = told(data)
    sizes = []
    assert part.update is not None
    for rows in (None, range(0, part.shape[0], 10)):
        fed = []
        part.update(lambda piece, fed=fed: fed.append(memoryview(piece).nbytes), rows)
        sizes.append(sum(fed))
    budget = part.nbytes // 10
    assert sizes[1] < sizes[0] / 3
    assert digest([part], budget) == digest([told(data)], budget)
    assert digest([part], budget).sampled


def test_a_sample_of_rows_equals_those_rows():
    """What is read of a sample is what a container of only these rows would give."""
    columns = {"a": np.arange(50.0), "b": [str(number) for number in range(50)]}
    makers = [pd.DataFrame, pl.DataFrame, pa.table, lambda table: np.array(table["a"]), lambda table: table["b"]]
    for make in makers:
        fed = [bytearray(), bytearray()]
        told(make(columns)).update(fed[0].extend, range(0, 50, 7))
        told(make({name: values[::7] for name, values in columns.items()})).update(fed[1].extend, None)
        assert fed[0] == fed[1]


def test_what_is_larger_than_it_knew_is_cut():
    """Where a container does not know how large it is, no more than the budget is read, and the digest says so."""
    fed = []

    def endless(update, rows):
        while True:
            update(bytes(1_000))
            fed.append(rows)

    assert digest([DataDescription("x", (1,), update=endless)], budget=10_500).sampled
    assert len(fed) == 10
    wide = np.zeros((1, 100_000))
    before = digest([told(wide)], budget=1_000)
    wide[0, 10] = 1
    assert before.sampled and digest([told(wide)], budget=1_000) != before


def test_what_cannot_be_read_is_marked():
    """A part without readable data counts by its schema, and is marked as sampled."""
    assert digest([told(iter([1]))]).sampled
    assert digest([DataDescription("a", (1,))]) != digest([DataDescription("a", (2,))])


def test_a_huge_memory_map_is_sampled(tmp_path):
    """Of a memory map of many GiB only a few rows are read."""
    huge = np.memmap(tmp_path / "huge", np.float64, "w+", shape=(1 << 20, 1 << 10))
    assert huge.nbytes == 8 << 30
    before = digest([told(huge)])
    huge[0, 5] = 1
    assert before.sampled and digest([told(huge)]) != before


def test_long_strings_count_as_long():
    """A column of long strings knows that it is large, though the array only points to them."""
    texts = np.empty(100, object)
    texts[:] = ["x" * 10_000] * 100
    assert told(texts).nbytes > 900_000 and told(pd.Series(texts)).nbytes > 900_000
    assert told(list(texts)).nbytes > 900_000
    assert told(np.zeros(100, object)).nbytes == 100 * CELL_BYTES


def test_equal_data_of_two_libraries_has_two_digests():
    """A digest compares data within one library: each names its types in its own words."""
    table = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
    both = [table, pl.DataFrame({"a": [1, 2], "b": [3, 4]}), pa.table({"a": [1, 2], "b": [3, 4]}), table.to_numpy()]
    assert len(set(map(fingerprint, both))) == 4


def test_nothing_is_changed():
    """An array given away read-only or writable is as it was, and reading it writes nothing."""
    array = np.arange(6.0).reshape(2, 3)
    array.flags.writeable = False
    flags, before = str(array.flags), array.tobytes()
    digest([told(array)])
    assert (str(array.flags), array.tobytes()) == (flags, before)


def test_no_library_is_imported():
    """Describing plain data imports no library, and each plugin none but its own."""
    code = """
import sys
from autolog.capture.data import describe
from autolog.capture.digests import digest
digest([describe([1.5, "a"], lambda data: None)])
assert not {"numpy", "pandas", "polars", "pyarrow", "scipy"} & set(sys.modules)
import numpy, autolog_numpy, autolog_scipy
for plugin in (autolog_numpy, autolog_scipy):
    found = plugin.autolog_describe_data(numpy.zeros(3)); found and digest([found])
assert not {"pandas", "polars", "pyarrow", "scipy"} & set(sys.modules)
import polars, autolog_polars
digest([autolog_polars.autolog_describe_data(polars.DataFrame({"a": [1], "b": ["x"]}))])
assert not {"pandas", "pyarrow"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


# ---- what is recorded


def test_facts_of_a_dataset():
    """The facts name the data, describe inputs and target, and carry the digest of both."""
    inputs, target = told(pd.DataFrame({"a": [1, 2]})), told(np.array([0, 1]))
    facts = dataset_facts("iris", inputs, target, "train", "train.py")
    assert facts == {
        "name": "iris",
        "kind": "pandas.DataFrame",
        "shape": [2, 1],
        "dtype": None,
        "columns": [["a", "int64"]],
        "target": {"kind": "numpy.ndarray", "shape": [2], "dtype": "int64", "columns": []},
        "digest": digest([inputs, target]).value,
        "sampled": False,
        "context": "train",
        "source": "train.py",
    }
    assert dataset_facts("x", told(iter([])), None, "eval", None)["shape"] is None


def test_facts_of_many_columns():
    """Of more than a thousand columns the first thousand are listed, with how many there are; all of them count."""
    table = pd.DataFrame(np.zeros((1, 1_001)))
    facts = dataset_facts("wide", told(table), None, "train", None)
    assert len(facts["columns"]) == 1_000 and facts["column_count"] == 1_001
    assert fingerprint(table) != fingerprint(table.rename(columns={1_000: "x"}))


def test_signatures():
    """A table's signature lists its columns, an array's is a tensor of any length, the unknown is named."""
    table = signature(told(pd.DataFrame({"a": [1], "b": ["x"]}, dtype=object)), told(np.zeros((4, 2), "f4")))
    assert table["inputs"] == [{"name": "a", "type": "object"}, {"name": "b", "type": "object"}]
    assert table["outputs"] == {"type": "tensor", "dtype": "float32", "shape": [-1, 2]}
    assert signature(told([[1, 2]]), None) == {
        "inputs": {"type": "list", "dtype": "int", "shape": [-1, 2]},
        "outputs": None,
    }
    assert signature(told(Secretive()), told(np.array(1)))["inputs"] == {"type": f"{__name__}.Secretive"}
    assert signature(told(sp.csr_matrix(DENSE)), told(np.array(1.0)))["outputs"]["shape"] == []


@pytest.mark.parametrize("kinds", ["ff", "fffi", "fifi", "ffoo", "mm", "IIff", "bbgg", "cfffc", "ffmmffff"])
@pytest.mark.parametrize("rows", [0, 1, 300])
def test_columns_read_together_have_the_digest_of_columns_read_alone(kinds, rows, monkeypatch):
    """Neighbours of one type are read at once, however the frame was built; description, size and digest stay."""
    plugin = pytest.importorskip("autolog_pandas")
    random = np.random.RandomState(0)
    columns = {
        "f": random.rand(rows),
        "g": random.rand(rows).astype("f4"),
        "i": random.randint(0, 9, rows),
        "b": random.rand(rows) > 0.5,
        "o": np.array(["x"] * rows, object),
        "m": np.arange(rows).astype("M8[ns]"),
        "I": pd.array(range(rows), dtype="Int64"),
        "c": pd.Categorical(["a"] * rows),
    }
    whole = pd.DataFrame({place: columns[kind] for place, kind in enumerate(kinds)}, index=range(rows))
    scattered = pd.DataFrame(index=range(rows))
    for place, kind in enumerate(kinds):
        scattered[place] = columns[kind]
    for frame in (whole, scattered, whole.iloc[::-1], whole.iloc[::2]):
        together = told(frame)
        with monkeypatch.context() as alone:
            alone.setattr(plugin, "_parts", lambda frame: [frame.iloc[:, [n]] for n in range(frame.shape[1])])
            apart = told(frame)
        assert (together.columns, together.nbytes, together.shape) == (apart.columns, apart.nbytes, apart.shape)
        for budget in (1 << 20, 1_000, 100):
            assert digest([together], budget) == digest([apart], budget)
