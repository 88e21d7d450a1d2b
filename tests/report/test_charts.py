"""Charts draw what they are given, and markup keeps texts apart from tags."""

import itertools
import math
import re
from xml.etree import ElementTree

import pytest

from gammabeta.report.charts import (
    Axis,
    Bar,
    Line,
    Panel,
    Thread,
    bars,
    heat_map,
    histogram,
    line_chart,
    panels,
    parallel,
    scatter,
)
from gammabeta.report.charts.heat import Colors, colors
from gammabeta.report.charts.scale import COLUMN, WIDE, Scale, log_ticks, round_ticks, scale
from gammabeta.report.charts.text import fitted
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
    assert [Colors(0, 9).of(v) for v in (0, 4.5, 9)] == [0, 4, 8]
    assert [Colors(1e-4, 1, log=True).of(v) for v in (0, 1e-4, 1e-2, 1)] == [0, 0, 4, 8]
    found = parsed(heat_map("t", [EVIL, "b"], ["1", "2"], [[0.0, 1.0], [None, 0.5]], label_rows="layer"))
    drawn = [path.attrib["d"].count("M") for path in found.iter("path")]
    assert sum(drawn) == 3
    parsed(heat_map("t", [], [], []))


def classes(html: Html) -> set[str]:
    return {path.attrib["class"] for path in parsed(html).iter("path")}


def test_a_heat_map_of_one_number_is_pale_and_says_so():
    found = heat_map("t", ["a"], ["1", "2"], [[0.0, 0.0]])
    assert classes(found) == {"h0"}
    assert "everywhere 0" in found


def test_colors_about_a_middle_tell_its_sides_apart_and_mark_it():
    found = heat_map("t", ["a"], ["1", "2", "3"], [[-1.0, 0.0, 4.0]], middle=0.0)
    assert classes(found) == {"g2", "h0", "h8"}
    texts = [text.text for text in parsed(found).iter("text")]
    assert texts[-3:] == ["-4", "4", "0"]
    ratios = colors([[0.5, 1.0, 8.0]], log=True, middle=1.0)
    assert [ratios.name(ratios.of(v)) for v in (0.125, 0.5, 1.0, 8.0)] == ["g8", "g2", "h0", "h8"]


def test_panels_share_their_x_and_their_marks_and_their_numbers():
    xs = [1.0, 2.0, 3.0]
    loss = Panel("loss", [Line("training", xs, [3.0, 2.0, 1.0]), Line("validation", xs, [3.0, None, 2.0], 1, 0.1)])
    rate = Panel("rate", [Line("rate", xs, [0.1, 0.2, 0.1], 2)], zero=True)
    found = panels("t", [loss, rate], x="epoch", marks=[(2.0, "best epoch 2")])
    assert found.count('class="mark"') == 2
    assert found.count("best epoch 2") == 1
    assert found.count('class="band f1"') == 1
    head = [cell.text for cell in next(parsed(found).iter("tr"))]
    assert head == ["epoch", "training loss", "validation loss", "rate"]
    picture = found.partition('class="chart wide"')[2]
    assert len(set(re.findall(r'<path d="(M[\d.]+) [^"]*" class="line s', picture))) == 1


def test_a_thread_is_broken_where_an_axis_does_not_apply():
    axes = [Axis("a", "a"), Axis("b", "b", log=True), Axis("c", "c", choices=("x", EVIL)), Axis("d", "d")]
    given = {"a": 1.0, "b": 0.0, "c": EVIL, "d": 2}
    found = parallel("t", axes, [Thread("one", given, 0), Thread("two", {"a": 3.0, "b": 0.1})], tag("p"))
    picture = next(one for one in parsed(found).iter("svg") if one.attrib["class"] == "chart wide")
    drawn = [path.attrib for path in picture.iter("path")]
    threads = [one["d"] for one in drawn if one["class"] in ("line s0", "line rest")]
    assert sorted((one.count("M"), one.count("L")) for one in threads) == [(1, 1), (2, 1)]
    parsed(parallel("t", axes, [], tag("p")))
    parsed(parallel("t", [], [], tag("p")))


def test_steps_are_level_and_dots_are_joined_by_nothing():
    xs, ys = [1.0, 2.0], [2.0, 1.0]
    path = re.search(r'<path d="(M[^"]*)"', line_chart("t", [Line("a", xs, ys, steps=True)], x="x", y="y")).group(1)
    assert re.fullmatch(r"M[\d.]+ [\d.]+H[\d.]+V[\d.]+", path)
    dots = line_chart("t", [Line("a", xs, ys, dots=True)], x="x", y="y", points=False)
    assert "<path" not in dots
    assert dots.count("<circle") == 2


@pytest.mark.parametrize("wide", [False, True])
def test_a_long_name_is_cut_to_its_room_and_a_short_one_takes_little(wide):
    def left(name: str) -> float:
        found = parsed(bars("t", [Bar(name, 1.0)], x="x", wide=wide))
        return float(next(found.iter("rect")).attrib["x"])

    whole = COLUMN if not wide else WIDE
    assert left("a") < 0.12 * whole
    assert left("od280/od315_of_diluted_wines_and_more") < 0.45 * whole
    assert fitted("od280/od315_of_diluted_wines", 80, 11).count("…") == 1
    assert fitted("short", 80, 11) == "short"


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
