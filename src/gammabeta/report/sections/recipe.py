"""The six steps of a recipe: a section each, with its gate."""

from collections.abc import Callable, Mapping
from typing import Any

from gammabeta.report.charts import Bar, Line, bars, line_chart
from gammabeta.report.html import Html, grid, joined, paragraph, table, tag
from gammabeta.report.numbers import metric_name, number, score
from gammabeta.report.run_folder import Known
from gammabeta.report.section import Section
from gammabeta.report.sections.findings import finding
from gammabeta.report.sections.first_step import data
from gammabeta.report.sections.search import FORMAT_ERRORS, search_body, so_far

Facts = Mapping[str, Any]
Draw = Callable[[Known, Facts], list[Any]]

TITLES = {
    "data": "Step 1: become one with the data",
    "skeleton": "Step 2: skeleton and dumb baselines",
    "overfit": "Step 3: overfit",
    "regularize": "Step 4: regularize",
    "tune": "Step 5: tune",
    "squeeze": "Step 6: squeeze out the juice",
}


def step(known: Known, name: str, draw: Draw) -> Section:
    """The section of one step: whether its gate was passed, why, and what was found."""
    gate = next((gate for gate in known.gates if gate["step"] == name), None)
    if gate is None:
        return under_way(known, name)
    badge = tag("span", "passed" if gate["passed"] else "not passed", class_="badge")
    head = paragraph(badge, gate["reason"], class_="gate" if gate["passed"] else "gate closed")
    try:
        parts = draw(known, gate["facts"])
    except FORMAT_ERRORS:
        parts = [paragraph("What was found here is of another format, and not drawn.", class_="note")]
    return Section(f"recipe_{name}", TITLES[name], joined(head, *parts))


def under_way(known: Known, name: str) -> Section:
    """A step that has no gate yet: what its search has found so far; nothing of any other."""
    searched = known.search if name == "tune" and len(known.gates) == list(TITLES).index(name) else None
    if searched is None:
        return Section(f"recipe_{name}", "", Html(""))
    badge = tag("span", "not ended", class_="badge")
    try:
        head = paragraph(badge, so_far(searched), class_="gate open")
    except FORMAT_ERRORS:
        head = paragraph(badge, class_="gate open")
    return Section(f"recipe_{name}", TITLES[name], joined(head, search_body(searched)))


def skeleton(known: Known, facts: Facts) -> list[Any]:
    """The network beside what costs nothing."""
    metric, own = metric_name(facts["metric"]), facts["network"]["valid"]["value"]
    found = {"network": own, **facts["references"]}
    given = [Bar(name, value, style=int(name != "network")) for name, value in found.items() if value is not None]
    rows = [[name, score(value), lead(facts["leads"].get(name))] for name, value in facts["references"].items()]
    start = facts["start"]
    words = (
        f"The loss before the first step is {number(start['loss'])}; answers that know nothing have "
        f"{number(start['knowing_nothing'])}, the best constant answer {number(start['best_constant'])}. The same "
        f"network trained without inputs ends at {number(facts['blind_loss'])}, with them at "
        f"{number(facts['network']['valid']['loss'])}."
    )
    chart = bars("On the validation rows", given, x=metric, dots=True, wide=True, header="model")
    beside = tag("div", table(["", metric, "the network is ahead by"], rows), paragraph(words, class_="note"))
    return [grid(chart, beside, pair=True)]


def lead(one: Any) -> str:
    if not one or one["ahead"] is None:
        return ""
    return f"{one['ahead']:+.4f} ± {one['error']:.4f}"


def overfit(known: Known, facts: Facts) -> list[Any]:
    """One batch, learned by heart, then all training rows; what the diagnosis says where they are not."""
    batch = facts["batch"]
    curve = [batch["first_loss"], *batch["curve"]]
    steps = list(range(len(curve)))
    title = f"{batch['rows']} rows, again and again"
    lines = [Line("loss", steps, curve)]
    if batch["wanted"] is not None:
        lines.append(Line("wanted", steps, [batch["wanted"]] * len(steps), style=1))
    chart = line_chart(title, lines, x="step", y="loss", zero=True, wide=True)
    rows = [["one batch, before", number(curve[0])], ["one batch, after", number(min(curve))]]
    whole = facts["train"]
    if whole:
        rows.append(["all training rows", number(whole["loss"])])
        rows.append(["all training rows, with regularization", number(whole["regularized"])])
    beside = tag("div", table(["without regularization", "loss"], rows))
    return [*(finding(one) for one in facts["findings"]), grid(chart, beside, pair=True)]


def regularize(known: Known, facts: Facts) -> list[Any]:
    """What was tried, in its order."""
    rows = [
        [
            line["name"],
            line["says"],
            line["state"],
            f"{number(line['before'])} → {number(line['after'])}" if "before" in line else "",
            line.get("pairs", ""),
            number(line.get("error")),
        ]
        for line in facts["changes"]
    ]
    header = ["what", "how", "", "loss", "pairs of runs", "chance of luck"]
    early = facts["early_stopping"]
    words = (
        f"Early stopping: the best epoch, {early['best_epoch']}, is what is kept; the validation loss is "
        f"{number(early['best_loss'])} there and {number(early['last_loss'])} at the end of the run."
    )
    return [table(header, rows, (0, 1, 2)), paragraph(words, class_="note")]


def tune(known: Known, facts: Facts) -> list[Any]:
    """The search, as a page of a search alone has it."""
    return [search_body(facts)] if "ranking" in facts else []


def squeeze(known: Known, facts: Facts) -> list[Any]:
    """The candidates, and which one was taken."""
    rows = [
        [one["says"], score(one["value"]), number(one["loss"]), "taken" if one["kind"] == facts["winner"] else ""]
        for one in facts["candidates"]
    ]
    metric = metric_name(facts["candidates"][0]["metric"])
    parts: list[Any] = [table(["on the validation rows", metric, "loss", ""], rows, (0, 3))]
    losses = facts["seeds"]["losses"]
    if len(losses) > 1:
        spread = f"{number(min(losses))} to {number(max(losses))}"
        words = f"The settled plan alone has a loss of {spread} over {len(losses)} seeds."
        parts.append(paragraph(words))
    return [*parts, paragraph(f"Again: {facts['reproduced_by']}.", class_="note")]


def section_of(name: str, draw: Draw) -> Callable[[Known], Section]:
    """The function that makes the section of a step, under the section's own name."""

    def make(known: Known) -> Section:
        return step(known, name, draw)

    make.__name__ = f"recipe_{name}"
    return make


DRAWN: Mapping[str, Draw] = {
    "data": data,
    "skeleton": skeleton,
    "overfit": overfit,
    "regularize": regularize,
    "tune": tune,
    "squeeze": squeeze,
}
RECIPE = tuple(section_of(name, draw) for name, draw in DRAWN.items())
"""One function for each step, in their order."""
