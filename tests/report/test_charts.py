"""Charts draw what they are given, and markup keeps texts apart from tags."""

import itertools
import math
import re
from xml.etree import ElementTree

import pytest

from gammabeta.report.charts import Bar, Line, bars, heat_map, histogram, line_chart, scatter
from gammabeta.report.charts.heat import step
from gammabeta.report.charts.scale import Scale, log_ticks, round_ticks, scale
from gammabeta.report.html import Html, figure, joined, table, tag
from gammabeta.report.numbers import cut, short

EVIL = '<script>alert("x")</script>'


def parsed(html: Html) -> ElementTree.Element:
    """The markup as a tree: what is not well-formed fails."""
    return ElementTree.fromstring(html)


def test_a_text_is_escaped_wherever_it_goes():
    found = joined(tag("p", EVIL, title=EVIL), table([EVIL], [[EVIL]]), figure(EVIL, tag("svg"), None, EVIL))
    assert "<script" not in found
    assert parsed(tag("div", tag("p", EVIL, title=EVIL)))[0].attrib["title"] == EVIL


def test_markup_is_not_escaped_twice():
    assert tag("p", tag("b", "a & b")) == "<p><b>a &amp; b</b></p>"


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 1.0), (-3.7, 11.2), (1e-9, 3e-9), (120_000.0, 890_000.0), (0.2, 0.2000001)]
)
def test_ticks_are_few_round_and_inside(low, high):
    found = round_ticks(low, high)
    assert 2 <= len(found) <= 7
    assert all(low - 1e-9 * (high - low) <= tick <= high + 1e-9 * (high - low) for tick in found)
    steps = {round((b - a) / (high - low), 6) for a, b in itertools.pairwise(found)}
    assert max(steps) - min(steps) < 1e-3


def test_ticks_of_powers_are_powers():
    assert log_ticks(1e-6, 2e-2) == pytest.approx([1e-6, 1e-5, 1e-4, 1e-3, 1e-2])
    assert log_ticks(0.3, 4.0) == [0.5, 1, 2]


def test_a_scale_puts_ends_at_ends_and_keeps_what_lies_beyond_inside():
    one = Scale(0.01, 100, 50, 250, log=True)
    assert [one.at(v) for v in (0.01, 1, 100, 1e9, 0)] == pytest.approx([50, 150, 250, 250, 50])
    assert scale([], 0, 1).at(0.5) == 0.5
    assert scale([7.0, math.nan, None], 0, 100).at(7.0) == pytest.approx(50)
    assert scale([-1.0, 0.0], 0, 100, log=True).log is False


@pytest.mark.parametrize("ys", [[], [None], [1.0], [1.0, None], [1.0, None, 3.0, math.nan, 2.0, 2.0]])
def test_a_line_chart_of_any_length_is_well_formed(ys):
    xs = [float(i + 1) for i in range(len(ys))]
    found = parsed(line_chart("t", [Line("a", xs, ys, 0, 0.1), Line("b", xs, ys[::-1], 1)], x="epoch", y="loss"))
    assert "nan" not in ElementTree.tostring(found, encoding="unicode").lower().replace("nan</td>", "")


def test_a_gap_in_a_curve_is_a_gap():
    found = line_chart("t", [Line("a", [1.0, 2.0, 3.0, 4.0], [1.0, None, 3.0, 2.0])], x="epoch", y="loss")
    path = re.search(r'<path d="([^"]*)" class="line', found).group(1)
    assert path.count("M") == 2
    assert path.count("L") == 1


def test_a_point_lies_where_its_numbers_say():
    found = line_chart("t", [Line("a", [0.0, 10.0], [0.0, 1.0])], x="x", y="y", unit_square=False)
    path = re.search(r'<path d="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)"', found).groups()
    left, low, right, high = map(float, path)
    assert left < right
    assert low > high  # downward is larger in SVG


def test_the_numbers_behind_a_picture_are_its_numbers():
    found = line_chart("t", [Line("a", [1.0, 2.0], [0.25, 0.125]), Line("b", [1.0, 2.0], [3.0, None])], x="e", y="l")
    cells = [cell.text for row in parsed(found).iter("tr") for cell in row]
    assert cells == ["e", "a", "b", "1", "0.25", "3", "2", "0.125", None]


def test_a_heat_map_colors_low_and_high_apart():
    assert [step(v, 0, 9, False) for v in (0, 4.5, 9)] == [0, 4, 8]
    assert [step(v, 1e-4, 1, True) for v in (0, 1e-4, 1e-2, 1)] == [0, 0, 4, 8]
    found = parsed(heat_map("t", [EVIL, "b"], ["1", "2"], [[0.0, 1.0], [None, 0.5]], label_rows="layer"))
    drawn = [path.attrib["d"].count("M") for path in found.iter("path")]
    assert sum(drawn) == 3
    parsed(heat_map("t", [], [], []))


def test_bars_of_nothing_and_of_negative_numbers_are_well_formed():
    parsed(bars("t", [], x="rise"))
    found = parsed(bars("t", [Bar(EVIL, -1.0, -2.0, 0.5), Bar("b", 3.0)], x="rise", guide=(1.0, "all")))
    assert all(float(rect.attrib["width"]) >= 0 for rect in found.iter("rect"))


def test_other_charts_are_well_formed():
    parsed(scatter("t", [(1.0, 2.0), (3.0, -4.0)], x="a", y="b", diagonal=True))
    parsed(scatter("t", [], x="a", y="b", level=0.0))
    parsed(histogram("t", [-1.0, 0.0, 1.0], [3, 0], x="residual"))


def test_numbers_are_short_and_names_keep_their_ends():
    assert [short(v) for v in (0.0, None, 12345.6, 0.12345, 1.5e-7, 3e9)] == [
        "0",
        "",
        "12,346",
        "0.123",
        "1.5e-7",
        "3e9",
    ]
    assert cut("Mean_Acc1298_Mean_Mem40_MFCC_5", 12) == "Mean_A…FCC_5"
    assert cut("short", 12) == "short"
