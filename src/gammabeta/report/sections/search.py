"""The search for a better plan: what was tried, what came of it, and what it depended on."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gammabeta.data.values import plural
from gammabeta.report.charts import Axis, Bar, Line, Thread, bars, line_chart, parallel
from gammabeta.report.html import Html, grid, joined, numbers_behind, paragraph, table, tag
from gammabeta.report.numbers import metric_name, number, short
from gammabeta.report.run_folder import Known
from gammabeta.report.section import Section

MOST_AXES, MOST_IMPORTANT, MOST_CHANGES = 10, 12, 12
LEAST_FOR_IMPORTANCE = 8
"""Finished trials, as the search itself has it."""

LOSS = "validation loss"
FORMAT_ERRORS = (KeyError, TypeError, ValueError, AttributeError, IndexError)
"""What reading of a file of another format raises."""

Found = Mapping[str, Any]
Trial = Mapping[str, Any]


def search(known: Known) -> Section:
    """The search of the command ``tune``; that of a recipe stands in its fifth step."""
    found = known.search
    if found is None or known.gates:
        return Section("search", "", Html(""))
    return Section("search", "Search", search_body(found))


def search_body(found: Found) -> Html:
    """The ranking, the plans as threads, what the loss depended on, and every trial; a line where it is unreadable.

    What came of it is said by the verdict, or by the gate of a recipe.
    """
    try:
        trials = list(found["trials"])
        beside = tag("div", importances(found, trials), changes(found))
        figures = [progress(trials), ranking(found), coordinates(found, trials), beside]
        drawn = [one for one in figures if one is not None]
        words = paragraph(counted(found), class_="note")
        return joined(words, grid(*drawn, pair=True), places(found), every(found, trials))
    except FORMAT_ERRORS:
        return paragraph("What the search wrote is of another format, and not drawn.", class_="note")


def counted(found: Found) -> str:
    """How many trials there are."""
    done, asked = found["done"], found["asked"]
    folds = f", each on {found['folds']} folds" if found["folds"] > 1 else ""
    programs = f"{found['programs']} compiled {plural(found['programs'], 'program')}"
    return (
        f"{done} of {asked} {plural(asked, 'trial')}{folds}: {found['pruned']} pruned early, {programs}, "
        f"{found['seconds']:,.0f} s. The measure is the {found['objective']} on rows that a trial is not trained on."
    )


def outcome(found: Found) -> str:
    """What the search came to so far, in a sentence or two."""
    if not over(found):
        return so_far(found)
    if found["winner"] == 0:
        return "Nothing that was tried is better than the plan that the search began with, which is kept."
    place = next((one for one in found["ranking"] if one["trial"] == found["winner"]), None)
    if place is None or not place["values"]:
        return f"Trial {found['winner']} is best. There was no time to repeat it on fresh seeds: that may be luck."
    reach = f" (95 % interval {number(place['gain_low'])} to {number(place['gain_high'])})" if has_gain(place) else ""
    sure = "" if has_gain(place) and place["gain_low"] > 0 else ", which may be chance"
    return (
        f"Trial {found['winner']} is best: on fresh seeds it lowers the loss by {number(place['gain'])}{reach}{sure}."
    )


def so_far(found: Found) -> str:
    """What a search has come to that has not ended."""
    best = min(done_of(found["trials"]), key=lambda one: float(one["value"]), default=None)
    if best is None:
        return "No trial is done yet."
    first = next((one for one in found["trials"] if one["trial"] == 0), None)
    beside = "" if first is None or not first["value"] else f"; the first plan has {number(first['value'])}"
    return f"The least loss so far is {number(best['value'])}, of {called(best['trial'])}{beside}."


def over(found: Found) -> bool:
    """Whether the search has ended; one that was written before it said so had."""
    return bool(found.get("phase", "over") == "over")


def done_of(trials: Iterable[Trial]) -> list[Trial]:
    """Those that came to their end."""
    return [one for one in trials if one["ended"] == "done" and one["value"] is not None]


def called(trial: int) -> str:
    return "the first plan" if trial == 0 else f"trial {trial}"


def has_gain(place: Mapping[str, Any]) -> bool:
    """Whether the interval of a gain is known."""
    return bool(place["trial"] and place["gain_low"] is not None and place["gain_high"] is not None)


def progress(trials: Sequence[Trial]) -> Html | None:
    """The best loss so far, over the trials; what was pruned or failed has no point."""
    if not done_of(trials):
        return None
    xs = [float(one["trial"]) for one in trials]
    losses = [one["value"] if one["ended"] == "done" else None for one in trials]
    best = [min((v for v in losses[: i + 1] if v is not None), default=None) for i in range(len(losses))]
    known = [loss for loss in losses if loss is not None and loss > 0]
    wide_range = bool(known) and max(known) > 20 * min(known)
    return line_chart(
        "Best so far",
        [Line("best so far", xs, best, 0, steps=True), Line("a trial", xs, losses, 1, dots=True)],
        x="trial",
        y=LOSS,
        log_y=wide_range,
        points=False,
        wide=True,
        note="A trial without a point was pruned early, or came to nothing.",
    )


def ranking(found: Found) -> Html | None:
    """How much better than the first plan the candidates are on fresh seeds, with intervals."""
    known = [place for place in found["ranking"] if has_gain(place)]
    if not known:
        return None
    given = [
        Bar(
            f"trial {place['trial']}{' (taken)' if place['trial'] == found['winner'] else ''}",
            place["gain"],
            place["gain_low"],
            place["gain_high"],
            style=int(place["trial"] != found["winner"]),
        )
        for place in known
    ]
    note = "By how much the loss is below that of the first plan, paired over fresh seeds, with 95 % intervals."
    return bars(
        "Gain on the first plan",
        given,
        x="gain",
        dots=True,
        guide=(0.0, "no gain"),
        wide=True,
        note=note,
        header="trial",
    )


def coordinates(found: Found, trials: Sequence[Trial]) -> Html | None:
    """Every trial as a thread through what was varied, and through its loss."""
    shown = [one for one in trials if one["value"] is not None]
    if not shown:
        return None
    chosen = varied(found, shown)
    keys = [one["key"] for one in chosen]
    losses = [float(one["value"]) for one in shown]
    wide_range = min(losses) > 0 and max(losses) > 5 * min(losses)
    axes = [Axis(LOSS, LOSS, log=wide_range), *(axis_of(one, shown, keys) for one in chosen)]
    best = leader(found, shown)
    threads = [
        Thread(
            f"{called(one['trial'])}, {one['ended']}",
            {LOSS: one["value"], **{a["key"]: said(one["params"].get(a["key"]), a) for a in chosen}},
            style={best: 0, 0: 1}.get(one["trial"]),
        )
        for one in shown
    ]
    more = len(found["axes"]) - len(chosen)
    rest = f" {more} more that were varied less, or mattered less, stand in the table of trials." if more > 0 else ""
    return parallel(
        "All trials",
        axes,
        threads,
        numbers_behind(*columns(shown, chosen)),
        note=f"A thread is a trial; in gray those that are neither the best nor the first plan. It is broken where a "
        f"number does not apply. The loss of a trial that was pruned is the one it had by then.{rest}",
    )


def leader(found: Found, shown: Sequence[Trial]) -> int:
    """The winner; while there is none, the trial of least loss."""
    if over(found):
        return int(found["winner"])
    best = min(done_of(shown), key=lambda one: float(one["value"]), default=shown[0])
    return int(best["trial"])


def varied(found: Found, shown: Sequence[Trial]) -> list[Mapping[str, Any]]:
    """The axes that say most: by importance where that is known, else those of most different values."""
    important = list(found["importances"])
    axes = [one for one in found["axes"] if len({repr(trial["params"].get(one["key"])) for trial in shown}) > 1]

    def weight(axis: Mapping[str, Any]) -> tuple[int, int]:
        key = axis["key"]
        values = {repr(trial["params"][key]) for trial in shown if key in trial["params"]}
        return (important.index(key) if key in important else len(important), -len(values))

    kept = {one["key"] for one in sorted(axes, key=weight)[:MOST_AXES]}
    return [one for one in axes if one["key"] in kept]


def said(value: Any, axis: Mapping[str, Any]) -> Any:
    """A drawn value: a word on an axis of choices, a number elsewhere; None where it does not apply."""
    return word(value) if axis["scale"] == "choice" and value is not None else value


def word(value: Any) -> str:
    """A choice as it is read."""
    return "none" if value is None else short(value) if isinstance(value, float) else str(value)


def axis_of(axis: Mapping[str, Any], shown: Sequence[Trial], keys: Sequence[str]) -> Axis:
    """A row of the picture; of choices those that were drawn; keys: of all rows."""
    if axis["scale"] != "choice":
        return Axis(axis["key"], *brief(axis["key"], keys), log=axis["scale"] == "log")
    drawn = {word(one["params"][axis["key"]]) for one in shown if axis["key"] in one["params"]}
    choices = [word(value) for value in axis["values"]]
    return Axis(axis["key"], *brief(axis["key"], keys), tuple(one for one in choices if one in drawn))


def brief(key: str, keys: Sequence[str]) -> tuple[str, str]:
    """(name, what tells it from others of the name): ``optimizer.adam_w.learning_rate`` as learning rate, adam w."""
    parts = [part.replace("_", " ") for part in key.split(".")]
    # the length of a list says nothing without the name of the list
    name, above = (
        (f"{parts[-2]} length", parts[:-2]) if parts[-1] == "length" and len(parts) > 1 else (parts[-1], parts[:-1])
    )
    others = sum(other.split(".")[-1] == key.split(".")[-1] for other in keys)
    return name, above[-1] if above and others > 1 else ""


def importances(found: Found, trials: Sequence[Trial]) -> Html | None:
    """What the loss depended on; a line where there are too few trials to say."""
    given = list(found["importances"].items())[:MOST_IMPORTANT]
    if not given:
        least, done = found.get("importances_from", LEAST_FOR_IMPORTANCE), len(done_of(trials))
        words = f"What the loss depended on is told from {least} finished trials on; {done} came to their end so far."
        return tag("div", paragraph(words if done < least else "No dependence could be measured.", class_="note"))
    keys = [name for name, _ in given]
    return bars(
        "What the loss depended on",
        [Bar(", ".join(filter(None, brief(name, keys))), value) for name, value in given],
        x="share of the spread of losses",
        wide=True,
        note="By PED-ANOVA: in what the best trials differ from the others.",
        header="number",
    )


def places(found: Found) -> Html | None:
    """The ranking as a table."""
    if not found["ranking"]:
        return None
    rows = [
        [
            f"{called(place['trial'])}{' *' if over(found) and place['trial'] == found['winner'] else ''}",
            number(place["first"]),
            reach(place["mean"], place["low"], place["high"]) if place["values"] else "",
            reach(place["gain"], place["gain_low"], place["gain_high"]) if place["values"] and place["trial"] else "",
        ]
        for place in found["ranking"]
    ]
    note = "On fresh seeds and gain: means with 95 % intervals." + (" * is taken." if over(found) else "")
    header = ["", "loss in the search", "on fresh seeds", "gain on the first plan"]
    return joined(tag("h3", "Ranking"), table(header, rows), paragraph(note, class_="note"))


def reach(mean: Any, low: Any, high: Any) -> str:
    """A mean with its interval, where there is one."""
    return f"{number(mean)} ({number(low)} to {number(high)})" if low is not None and high is not None else number(mean)


def changes(found: Found) -> Html | None:
    """What the winner has that the first plan has not."""
    by_number = {one["trial"]: one for one in found["trials"]}
    winner, first = by_number.get(found["winner"]), by_number.get(0)
    if not over(found) or not found["winner"] or winner is None or first is None:
        return None
    own, before = winner["params"], first["params"]
    rows = [
        [key, word(before[key]) if key in before else "", word(value)]
        for key, value in own.items()
        if before.get(key, ...) != value
    ]
    more = paragraph(f"And {len(rows) - MOST_CHANGES} more.", class_="note") if len(rows) > MOST_CHANGES else None
    title = tag("h3", f"What trial {found['winner']} has changed")
    return joined(title, table(["number", "the first plan", "now"], rows[:MOST_CHANGES], (0, 1, 2)), more)


def every(found: Found, trials: Sequence[Trial]) -> Html:
    """All trials, folded."""
    header, rows = columns(trials, found["axes"], whole=True)
    inside = table(header, rows, [0, 1, *range(6, len(header))])
    return tag("details", tag("summary", "every trial"), inside, class_="numbers long")


def columns(
    trials: Sequence[Trial], axes: Sequence[Mapping[str, Any]], whole: bool = False
) -> tuple[list[str], list[list[object]]]:
    """(header, a row per trial): how it ended, its loss, and what was drawn; whole: with what else is known."""
    metric = next((one["metric"] for one in trials if one["metric"]), "")
    more = [metric_name(metric) or "metric", "epochs", "seconds"] if whole else []
    header = ["trial", "ended", "loss", *more, *(axis["key"] for axis in axes)]
    rows: list[list[object]] = []
    for one in trials:
        rest = [short(one["score"]), f"{one['epochs']:,}", short(one["seconds"])] if whole else []
        drawn = [word(one["params"][axis["key"]]) if axis["key"] in one["params"] else "" for axis in axes]
        rows.append([str(one["trial"]), one["ended"], number(one["value"]), *rest, *drawn])
    return header, rows
