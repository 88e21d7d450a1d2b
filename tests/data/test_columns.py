"""One list of column kinds, one list of laws; then what is particular to each."""

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gammabeta.data import Boolean, Category, Column, Date, Number, SetAside
from gammabeta.data.columns import fit_column
from gammabeta.data.values import Values, plain
from gammabeta.errors import DataError, UsageError
from gammabeta.serial import dumps, from_json

KINDS: dict[str, tuple[type[Column], list[str | None]]] = {
    "number": (Number, ["3", "-1.5", "?", "40", " 7 ", "1e3", "", "2", "2"]),
    "number, complete": (Number, ["3", "-1.5", "40", "7", "1e3", "2", "2"]),
    "boolean": (Boolean, ["yes", "No", "NA", "yes", "no", "YES"]),
    "category": (Category, ["red", "blue", "red", "", "green", "blue", "red", "once"]),
    "category, complete": (Category, ["red", "blue", "red", "blue", "red"]),
    "date": (Date, ["2011-12-31", "2012-02-29", "", "2010-06-01"]),
    "date and time": (Date, ["2011-12-31 23:59:00", "2012-02-29 01:00:00", "2010-06-01 12:30:10"]),
}


def values(entries: Any, name: str = "col", kind: Any = None) -> Values:
    return Values(name, plain(pa.array(entries, kind, from_pandas=True)))


@pytest.mark.parametrize("name", KINDS)
class TestLaws:
    def test_the_kind_is_found(self, name: str) -> None:
        kind, entries = KINDS[name]
        assert isinstance(fit_column(values(entries)), kind)

    def test_features_are_finite_float32_and_as_many_as_names(self, name: str) -> None:
        kind, entries = KINDS[name]
        column = kind.fit(values(entries))
        features, _ = column.encode(values(entries))
        assert features.dtype == np.float32
        assert features.shape == (len(entries), column.width)
        assert len(set(column.feature_names)) == column.width
        assert np.isfinite(features).all()

    def test_json_brings_back_an_equal_column(self, name: str) -> None:
        kind, entries = KINDS[name]
        column = kind.fit(values(entries))
        assert from_json(json.loads(dumps(column)), expected=Column) == column

    def test_rows_are_encoded_one_by_one_as_they_are_together(self, name: str) -> None:
        kind, entries = KINDS[name]
        column = kind.fit(values(entries))
        together, _ = column.encode(values(entries))
        for row in (0, 2, len(entries) - 1):
            alone, _ = column.encode(values([entries[row]], kind=pa.string()))
            np.testing.assert_array_equal(alone[0], together[row])

    def test_every_missing_mark_means_the_same_whether_training_had_one_or_not(self, name: str) -> None:
        kind, entries = KINDS[name]
        column = kind.fit(values(entries))
        marks = [None, "", " ", "?", "NA", "N/A", "NaN", "null"]
        features, _ = column.encode(values(marks))
        assert np.isfinite(features).all()
        assert (features == features[0]).all()

    def test_a_column_that_lost_all_its_values_is_encoded(self, name: str) -> None:
        kind, entries = KINDS[name]
        column = kind.fit(values(entries))
        for nothing in (values([None, None], kind=pa.string()), values([None, None])):
            features, _ = column.encode(nothing)
            assert np.isfinite(features).all()
            assert column.decode(features) is not None

    def test_decoding_brings_values_back_for_display(self, name: str) -> None:
        kind, entries = KINDS[name]
        column = kind.fit(values(entries))
        shown = column.decode(column.encode(values(entries))[0])
        assert len(shown) == len(entries)
        for entry, back in zip(entries, shown, strict=True):
            if entry in ("?", "", "NA"):
                assert back is None
            elif kind is Number:
                assert back == pytest.approx(float(entry or 0), rel=0.05, abs=1e-3)
            elif kind is Boolean:
                assert back is (str(entry).lower() == "yes")
            elif kind is Date:
                assert abs(np.datetime64(back) - np.datetime64(str(entry))) < np.timedelta64(60, "s")
            else:
                assert back in (entry, "other")


def test_a_number_is_centered_by_the_median_and_scaled_by_the_quartiles() -> None:
    column = Number.fit(values([1.0, 2.0, 3.0, 4.0, 100.0]))
    assert column == Number("col", center=3.0, scale=2.0 / 1.3489795)
    features, _ = column.encode(values([3.0, 5.0, 1e9]))
    z = 2 * 1.3489795 / 2
    np.testing.assert_allclose(features[:, 0], [0, z / np.sqrt(1 + (z / 3) ** 2), 3.0], rtol=1e-6)


def test_without_quartiles_the_standard_deviation_scales_and_without_that_one() -> None:
    assert Number.fit(values([0.0] * 9 + [10.0])).scale == pytest.approx(3.0)
    assert Number.fit(values([4.0, 4.0, None])).scale == 1.0


@given(st.lists(st.floats(allow_subnormal=True), min_size=1, max_size=30))
def test_any_floats_whatever_are_encoded_finite_and_bounded(numbers: list[float]) -> None:
    column = Number.fit(values(numbers, kind=pa.float64()))
    features, _ = column.encode(values(numbers, kind=pa.float64()))
    assert np.isfinite(features).all()
    assert np.abs(features).max() <= 3.0


@given(st.lists(st.text(max_size=4) | st.none(), min_size=1, max_size=30), st.text(max_size=4))
def test_any_texts_whatever_find_a_kind_or_a_reason_and_new_ones_never_break_a_category(
    texts: list[str | None], other: str
) -> None:
    found = fit_column(values(texts, kind=pa.string()))
    if isinstance(found, SetAside):
        assert found.reason.endswith((".", "it."))
    else:
        features, _ = found.encode(values(texts, kind=pa.string()))
        assert np.isfinite(features).all()
    if isinstance(found, Category):
        assert found.encode(values([other], kind=pa.string()))[0].sum() <= 1


def test_an_infinite_feature_is_missing_with_a_note() -> None:
    column = Number.fit(values([1.0, 2.0, 4.0]))
    features, notes = column.encode(values([float("inf"), 2.0]))
    assert features[0, 0] == 0
    assert "1 infinite, taken as missing" in notes[0]


def test_text_where_numbers_were_is_refused_by_its_row() -> None:
    column = Number.fit(values(["1", "2"], "age"))
    with pytest.raises(DataError, match=r'column "age", row 3: found "old".*expected a number.*correct'):
        column.encode(values(["1", "2", "old"], "age"))
    with pytest.raises(DataError, match="expected a date"):
        Date.fit(values(["2011-01-01"])).encode(values(["2011-02-30"]))
    with pytest.raises(DataError, match="expected true or false"):
        Boolean.fit(values(["yes", "no"])).encode(values(["maybe"]))


def test_one_is_one_whether_text_whole_number_or_float() -> None:
    column = Category.fit(values(["1", "2", "1", "2", "1"]))
    for same in (values([1, 2]), values([1.0, 2.0]), values(["1", "2.0"]), values([1.0, 2.0, None])):
        assert column.encode(same)[0][:2].tolist() == [[1, 0], [0, 1]]


def test_rare_levels_share_a_feature_and_an_unseen_one_joins_them() -> None:
    entries = ["a"] * 5 + ["b"] * 2 + ["once", "twice"]
    column = Category.fit(values(entries))
    assert column.feature_names == ("col=a", "col=b", "col:other")
    assert column.encode(values(["once", "never seen"]))[0].tolist() == [[0, 0, 1], [0, 0, 1]]


def test_an_unseen_level_is_all_zeros_with_a_note_where_training_had_no_rare_ones() -> None:
    column = Category.fit(values(["a", "b"] * 3))
    features, notes = column.encode(values(["a", "zebra", "yak"]))
    assert features.tolist() == [[1, 0], [0, 0], [0, 0]]
    assert '2 rows hold a level that training did not have, such as "zebra"' in notes[0]


def test_at_most_sixty_three_levels_are_told_apart() -> None:
    column = Category.fit(values([f"level {i}" for i in range(100) for _ in range(3)]))
    assert len(column.levels) == 63
    assert column.other


def test_none_is_an_answer_among_texts_and_no_value_among_numbers() -> None:
    assert "none" in Category.fit(values(["none", "some"] * 3)).levels
    number = fit_column(values(["1", "none", "-", "3"]))
    assert isinstance(number, Number)
    assert number.missing


def test_dates_of_any_type_are_one_date() -> None:
    import datetime as dt

    column = Date.fit(values(["2011-12-31", "2012-03-01", "2013-06-01"]))
    want = column.encode(values(["2012-02-29"]))[0]
    day = dt.date(2012, 2, 29)
    for same in (
        values([day]),
        values([dt.datetime(2012, 2, 29)]),
        values(["2012/02/29"]),
        values(["2012-02-29T00:00:00Z"]),
        values([dt.datetime(2012, 2, 29)], kind=pa.timestamp("ns", "UTC")),
    ):
        np.testing.assert_allclose(column.encode(same)[0], want, atol=1e-6)


def test_the_phases_of_a_date_are_those_of_year_and_week() -> None:
    column = Date.fit(values(["2012-01-01", "2012-07-01"]))
    features, _ = column.encode(values(["2012-01-01", "2012-07-01", "2012-01-02"]))
    names = column.feature_names
    year_cos = features[:, names.index("col:year_cos")]
    assert year_cos[0] == pytest.approx(1.0)
    assert year_cos[1] == pytest.approx(-1.0, abs=1e-3)
    assert features[2, names.index("col:week_sin")] == 0  # a Monday


ASIDE: dict[str, tuple[str, Any, str]] = {
    "constant": ("a", ["x"] * 5, 'every row holds "x"'),
    "constant number": ("a", ["1", "1.00", "+1"], "every row holds 1"),
    "empty": ("a", ["", "?", None], "no value at all"),
    "identifier by name": ("customerID", ["a1", "b2", "c3"], "its name says"),
    "row number": ("Unnamed: 0", [0, 1, 2, 3], "its name says"),
    "distinct texts": ("a", [f"text {i}" for i in range(40)], "none of its 40 texts repeats"),
    "nearly distinct": ("a", [f"t{i}" for i in range(39)] + ["t0"], "are different, so it identifies rows"),
    "free text": ("a", [f"a story about number {i % 30}" for i in range(40)], "it is free text"),
    "nested": ("a", [[1], [2]], "list<"),
    "infinite": ("a", [float("inf"), float("-inf")], "no finite number"),
}


@pytest.mark.parametrize("case", ASIDE)
def test_a_column_that_cannot_help_is_set_aside_with_the_reason(case: str) -> None:
    name, entries, reason = ASIDE[case]
    found = fit_column(values(entries, name))
    assert isinstance(found, SetAside)
    assert reason in found.reason


def test_measurements_that_never_repeat_are_kept_whatever_their_name() -> None:
    assert isinstance(fit_column(values([0.5, 1.5, 2.25], "valid")), Number)
    assert isinstance(fit_column(values(list(range(50)), "year")), Number)
    assert isinstance(fit_column(values([1.5, 2.25, 3.75], "id")), Number)


def test_f_alone_may_be_female_and_is_no_truth_value() -> None:
    assert isinstance(fit_column(values(["f", "", "f", "f"])), Category)
    assert isinstance(fit_column(values(["f", "t", "f", "f"])), Boolean)


def test_a_kind_can_be_asked_for() -> None:
    assert isinstance(fit_column(values(["1", "2", "1", "2"]), "category"), Category)
    with pytest.raises(UsageError, match='no kind "categry"; did you mean "category"'):
        fit_column(values(["1"]), "categry")
    with pytest.raises(DataError, match='row 2: found "x"'):
        fit_column(values(["1", "x"]), "number")


def test_a_column_set_aside_for_a_few_texts_says_which() -> None:
    found = fit_column(values([str(i) for i in range(60)] + ["error"]))
    assert isinstance(found, SetAside)
    assert 'All but 1 of its values are numbers; correct those, such as "error"' in found.reason
