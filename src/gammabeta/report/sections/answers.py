"""How the network answers, by its task: confusion and calibration, labels, or residuals."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from gammabeta.report.charts import Bar, Line, bars, heat_map, histogram, line_chart, scatter
from gammabeta.report.facts.measure import NAMES
from gammabeta.report.html import Html, grid, joined, paragraph, table, tag
from gammabeta.report.numbers import percent, score, short
from gammabeta.report.run_folder import Known
from gammabeta.report.section import Section

WRITTEN = 12
"""Classes up to which counts are written into the cells."""


def answers(known: Known) -> Section:
    """Pictures of the answers on the test rows, or on the validation rows where there are no others."""
    facts = known.facts
    if facts is None or not facts.answers:
        return Section("answers", "", Html(""))
    body = {"regression": of_amounts, "multilabel": of_labels}.get(facts.task, of_classes)(facts.answers)
    where = f"On the {facts.rows[facts.answers_on]:,} {NAMES[facts.answers_on]} rows."
    return Section("answers", "Answers", joined(paragraph(where, class_="soft"), body))


def of_classes(found: Mapping[str, Any]) -> Html:
    """Confusion, calibration, ROC and precision-recall, scores per class."""
    figures = [confusion(found), reliability(found["calibration"])]
    if found["curves"]:
        figures += ranking(found["curves"])
    per_class = found["per_class"]
    rows = [
        [one["name"], f"{one['rows']:,}", *(score(one[name]) or "—" for name in ("precision", "recall", "f1"))]
        for one in per_class
    ]
    figures.append(
        bars(
            "F1 per class",
            [Bar(one["name"], one["f1"] or 0.0, more=f"{one['rows']:,}") for one in per_class],
            x="F1",
            more="rows",
            header="class",
        )
    )
    confused = [[one["actual"], one["predicted"], f"{one['rows']:,}"] for one in found["confused"]]
    more = [joined(tag("h3", "Per class"), table(["class", "rows", "precision", "recall", "F1"], rows))]
    if len(found["classes"]) > 2 and confused:
        more.append(joined(tag("h3", "Most confused"), table(["actual", "answered", "rows"], confused, (0, 1))))
    return joined(grid(*figures), more)


def confusion(found: Mapping[str, Any]) -> Html:
    """Rows are actual classes; colors by the share of the row."""
    matrix, classes = found["confusion"], found["classes"]
    shares = [[n / max(sum(row), 1) for n in row] for row in matrix]
    few = len(classes) <= WRITTEN
    note = "Color: share of the rows of a class."
    if found["of"] > len(classes):
        note += f" The {len(classes)} of {found['of']} classes with the most mistakes."
    return heat_map(
        "Confusion",
        classes,
        classes,
        shares,
        label_rows="actual",
        label_columns="answered",
        texts=[[f"{n:,}" if n else "" for n in row] for row in matrix] if few else None,
        low=0.0,
        high=1.0,
        note=note,
    )


def reliability(found: Mapping[str, Any]) -> Html:
    """The share of right answers against the probability that was given."""
    of = found["of"]
    name = (
        "probability of the answer"
        if not of
        else "probability of a label"
        if of == "a label"
        else f"probability of {of}"
    )
    xs = [one["probability"] for one in found["bins"]]
    line = Line("measured", xs, [one["share"] for one in found["bins"]], 0)
    return line_chart(
        "Calibration",
        [line],
        x=name,
        y="share where it was so",
        unit_square=True,
        diagonal=True,
        note=f"Expected calibration error {short(found['ece'])}. On the dotted line, probabilities mean what they say.",
    )


def ranking(curves: Sequence[Mapping[str, Any]]) -> list[Html]:
    """ROC and precision-recall curves, one per class that is set against the rest."""
    roc: list[Line] = []
    pr: list[Line] = []
    for index, one in enumerate(curves):
        name = one["name"] if len(curves) > 1 else "network"
        for lines, points in ((roc, one["roc"]), (pr, one["pr"])):
            lines.append(Line(name, [x for x, _ in points], [y for _, y in points], index))
    areas, precisions = said_of(curves, "auc"), said_of(curves, "average_precision")
    curve = partial(line_chart, unit_square=True, points=False)
    return [
        curve(
            "ROC",
            roc,
            x="false positive rate",
            y="true positive rate",
            diagonal=True,
            note=f"Area under the curve: {areas}.",
        ),
        curve("Precision and recall", pr, x="recall", y="precision", note=f"Average precision: {precisions}."),
    ]


def said_of(curves: Sequence[Mapping[str, Any]], key: str) -> str:
    """A number per curve, named where there are several."""
    if len(curves) == 1:
        return f"{score(curves[0][key])} for {curves[0]['name']}"
    return ", ".join(f"{one['name']} {score(one[key])}" for one in curves)


def of_labels(found: Mapping[str, Any]) -> Html:
    """Every label by itself."""
    labels = found["labels"]
    chart = bars("F1 per label", [Bar(one["name"], one["f1"] or 0.0) for one in labels], x="F1", header="label")
    rows = [
        [one["name"], percent(one["share"]), *(score(one[key]) or "—" for key in ("precision", "recall", "f1", "auc"))]
        for one in labels
    ]
    more = f" The first {len(labels)} of {found['of']} labels." if found["of"] > len(labels) else ""
    words = paragraph(f"All labels of a row are right in {percent(found['rows_right'])} of the rows.{more}")
    header = ["label", "rows with it", "precision", "recall", "F1", "ROC area"]
    return joined(words, grid(chart, reliability(found["calibration"])), table(header, rows))


def of_amounts(found: Mapping[str, Any]) -> Html:
    """Predictions against true numbers, residuals, and whether intervals hold."""
    figures = []
    for one in found["targets"]:
        points = [(float(a), float(b)) for a, b in one["points"]]
        name = one["name"]
        figures.append(
            scatter(
                f"{name}: answered against true",
                points,
                x="true",
                y="answered",
                diagonal=True,
                note=f"R² {score(one['r2'])}, RMSE {score(one['rmse'])}; {len(points)} rows by chance.",
            )
        )
        low, _, middle, _, high = one["quantiles"]
        figures.append(
            histogram(
                f"{name}: residuals",
                one["edges"],
                one["counts"],
                x="true less answered",
                note=f"Median {short(middle)}, mean {short(one['bias'])}, 9 of 10 in {short(low)} to {short(high)}.",
            )
        )
        residuals = [(b, a - b) for a, b in points]
        figures.append(
            scatter(
                f"{name}: residuals by answer",
                residuals,
                x="answered",
                y="true less answered",
                level=0.0,
                note="A funnel: large numbers are harder. A bend: the network misses a shape.",
            )
        )
    if found["intervals"]:
        levels = found["intervals"]
        line = Line("measured", [one["level"] for one in levels], [one["inside"] for one in levels], 0)
        figures.append(
            line_chart(
                "Intervals",
                [line],
                x="chance that an interval promises",
                y="share of true numbers inside",
                unit_square=True,
                diagonal=True,
                note="On the dotted line, intervals hold what they promise.",
            )
        )
    more = found["of"] - len(found["targets"])
    return joined(grid(*figures), paragraph(f"And {more} more targets.", class_="note") if more > 0 else None)
