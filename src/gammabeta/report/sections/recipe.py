"""The six steps of a recipe: a section each, with its gate."""

from collections.abc import Callable, Mapping
from typing import Any

from gammabeta.report.charts import Bar, Line, bars, line_chart
from gammabeta.report.html import Html, grid, joined, paragraph, table, tag
from gammabeta.report.numbers import metric_name, number, percent, score
from gammabeta.report.run_folder import Known
from gammabeta.report.section import Section

MOST_AXES, MOST_TRIALS = 8, 10
Facts = Mapping[str, Any]


def step(known: Known, name: str, title: str, draw: Callable[[Facts], list[Any]]) -> Section:
    """The section of one step: whether its gate was passed, why, and what was found."""
    gate = gate_of(known.more.get("recipe"), name)
    if gate is None:
        return Section(f"recipe_{name}", "", Html(""))
    badge = tag("span", "passed" if gate["passed"] else "not passed", class_="badge")
    kind = "note" if gate["passed"] else "warning"
    head = tag("div", tag("p", badge, " ", gate["reason"]), class_=f"finding {kind} inside")
    try:
        parts = draw(gate["facts"])
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        parts = [paragraph("What was found here is of another format, and not drawn.", class_="note")]
    return Section(f"recipe_{name}", title, joined(head, *parts))


def gate_of(body: Any, name: str) -> Mapping[str, Any] | None:
    """A step's gate in recipe.json, None where it is not there."""
    gates = body.get("gates") if isinstance(body, dict) else None
    for gate in gates if isinstance(gates, list) else []:
        known = isinstance(gate, dict) and {"step", "passed", "reason", "facts"} <= gate.keys()
        if known and gate["step"] == name:
            return dict(gate)
    return None


def data(facts: Facts) -> list[Any]:
    """Odd rows, suspicious labels, and whether the splits are alike."""
    parts: list[Any] = []
    for one in facts["shift"]:
        alike = "0.5 where they are alike"
        parts.append(
            paragraph(
                f"A forest tells {one['split']} rows from training rows with an AUC of {one['auc']:.2f}; {alike}."
            )
        )
    noise = facts["label_noise"]
    if noise and noise["rows"]:
        found = f"{percent(noise['rate'])} ({percent(noise['low'])} to {percent(noise['high'])})"
        rows = [[one["row"], one["says"], one["rather"]] for one in noise["rows"][:MOST_TRIALS]]
        header = ["training row", "its class number", "predicted by others"]
        words = f"Most certain predictions for unseen rows disagree with the label in {found}. The surest:"
        parts.append(folded("labels that may be wrong", joined(paragraph(words), table(header, rows))))
    if facts["odd_rows"]:
        odd = [
            [one["row"], one["feature"], number(one["deviations"]), number(one["score"])] for one in facts["odd_rows"]
        ]
        header = ["training row", "farthest out in", "standard deviations", "isolation"]
        parts.append(folded("the rows that look oddest", table(header, odd, (0, 1))))
    return parts


def skeleton(facts: Facts) -> list[Any]:
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
    chart = bars("On the validation rows", given, x=metric, dots=True, header="model")
    return [grid(chart, table(["", metric, "the network is ahead by"], rows)), paragraph(words)]


def lead(one: Any) -> str:
    if not one or one["ahead"] is None:
        return ""
    return f"{one['ahead']:+.4f} ± {one['error']:.4f}"


def overfit(facts: Facts) -> list[Any]:
    """One batch, learned by heart."""
    batch = facts["batch"]
    curve = [batch["first_loss"], *batch["curve"]]
    steps = list(range(len(curve)))
    title = f"{batch['rows']} rows, again and again"
    lines = [Line("loss", steps, curve)]
    if batch["wanted"] is not None:
        lines.append(Line("wanted", steps, [batch["wanted"]] * len(steps), style=1))
    return [line_chart(title, lines, x="step", y="loss", zero=True)]


def regularize(facts: Facts) -> list[Any]:
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


def tune(facts: Facts) -> list[Any]:
    """The ranking, and what mattered."""
    if "ranking" not in facts:
        return []
    rows = [
        [
            f"{place['trial']}{' (first plan)' if place['trial'] == 0 else ''}",
            number(place["first"]),
            f"{number(place['mean'])} ({number(place['low'])} to {number(place['high'])})" if place["values"] else "",
        ]
        for place in facts["ranking"]
    ]
    parts = [table(["trial", "loss in the search", "on fresh seeds"], rows)]
    if facts["importances"]:
        top = list(facts["importances"].items())[:MOST_AXES]
        parts.append(
            bars("What the loss depended on", [Bar(name, value) for name, value in top], x="share of its spread")
        )
    return [grid(*parts)]


def squeeze(facts: Facts) -> list[Any]:
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


def folded(title: str, inside: Html) -> Html:
    return tag("details", tag("summary", title), inside, class_="numbers")


def section_of(name: str, title: str, draw: Callable[[Facts], list[Any]]) -> Callable[[Known], Section]:
    """The function that makes the section of a step, under the section's own name."""

    def make(known: Known) -> Section:
        return step(known, name, title, draw)

    make.__name__ = f"recipe_{name}"
    return make


RECIPE = (
    section_of("data", "Step 1: become one with the data", data),
    section_of("skeleton", "Step 2: skeleton and dumb baselines", skeleton),
    section_of("overfit", "Step 3: overfit", overfit),
    section_of("regularize", "Step 4: regularize", regularize),
    section_of("tune", "Step 5: tune", tune),
    section_of("squeeze", "Step 6: squeeze out the juice", squeeze),
)
"""One function for each step, in their order."""
