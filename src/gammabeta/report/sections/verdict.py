"""What was trained, how good it is, and what is most wrong with it, in one paragraph."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gammabeta.data.values import plural
from gammabeta.report.facts.measure import NAMES
from gammabeta.report.html import Html, joined, paragraph, tag
from gammabeta.report.names import STEPS
from gammabeta.report.numbers import metric_name, number, score
from gammabeta.report.run_folder import Known
from gammabeta.report.section import Section
from gammabeta.report.sections.history import best_line, position_of
from gammabeta.report.sections.search import FORMAT_ERRORS, outcome, over

LEVEL = "95 % interval"
PURPOSES = {"train": "training", "valid": "validation", "test": "the test"}
"""What rows are for."""


def verdict(known: Known) -> Section:
    """The verdict, the numbers that matter most, and what could not be read."""
    found = known.search if not known.gates else None
    words = joined(
        of_recipe(known),
        f"{of_search(found)} " if found is not None else None,
        trained_on(known),
        reached(known),
        of_curves(known),
        worst_finding(known),
    )
    missing = [paragraph(f"Note: {one}", class_="note") for one in known.missing]
    return Section("verdict", "", joined(tag("p", words, class_="lead"), cards(known), missing))


def title_of(known: Known) -> str:
    """What the page is called."""
    targets = known.facts.targets if known.facts else [str(one) for one in known.origin.get("target") or []]
    named = ", ".join(targets[:3]) + (" and more" if len(targets) > 3 else "")
    source = file_name(known)
    return f"Predicting {named} from {source}" if named and source else f"Run {Path(known.folder).name}"


def file_name(known: Known) -> str:
    """The name of the file or folder that was trained on, "" where unknown; its folder too where it is any data.csv."""
    path = Path(str(known.origin.get("data") or (known.facts.source if known.facts else "")))
    general = path.stem in ("data", "train", "all") and path.parent.name
    return f"{path.parent.name}/{path.name}" if general else path.name


def of_recipe(known: Known) -> str:
    """How far a recipe came, which gates were passed, and what won; "" for anything else."""
    gates = known.gates
    if not gates:
        return ""
    closed = [gate["step"] for gate in gates if not gate["passed"]]
    count = len(gates) - len(closed)
    passed = f"{count} of {len(gates)} gates {'was' if count == 1 else 'were'} passed"
    passed = "every gate was passed" if not closed and known.cooked else passed
    but = f", not {listed(closed)}" if closed else ""
    if not known.cooked:
        step = f"step {len(gates)} of {len(STEPS)}, {gates[-1]['step']}"
        return f"The recipe has come to {step}: {passed}{but}. The test rows have not been looked at. "
    return f"The recipe went through its {len(STEPS)} steps: {passed}{but}. {winner(gates[-1])}"


def winner(last: Mapping[str, Any]) -> str:
    """What the last step took, and beside what."""
    facts = last["facts"] if isinstance(last["facts"], dict) else {}
    found = {one.get("kind"): one for one in facts.get("candidates") or () if isinstance(one, dict)}
    best = found.get(facts.get("winner"))
    if best is None or best.get("loss") is None:
        return ""
    others = f" among {len(found)} candidates" if len(found) > 1 else ""
    metric = f"{metric_name(str(best.get('metric')))} {score(best.get('value'))}, loss {number(best['loss'])}"
    return f"The winner{others}, by the validation rows: {best.get('says')} ({metric}). "


def listed(names: Sequence[str]) -> str:
    """``a, b and c``"""
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def of_search(found: Mapping[str, Any]) -> str:
    """What a search came to."""
    try:
        so_far = "" if over(found) else " so far"
        trials = f"{found['done']} of {found['asked']} {plural(found['asked'], 'trial')}{so_far}"
        return f"A better plan was searched for, in {trials}. {outcome(found)}"
    except FORMAT_ERRORS:
        return ""


def trained_on(known: Known) -> str:
    """A network, its data, its rows."""
    rows = known.facts.rows if known.facts else known.metrics.get("rows", {})
    if known.facts and not known.facts.parameters:
        shares = [f"{rows[name]:,} for {words}" for name, words in PURPOSES.items() if rows.get(name)]
        return f"Of {file_name(known)} ({known.facts.task}) there are {listed(shares)}; nothing is trained yet. "
    if not rows and not known.plan and not known.history and (known.gates or known.search):
        return ""
    if not rows:
        epochs = known.plan.get("epochs")
        measured = f"{len(known.history)} of {epochs} epochs are measured" if epochs else "nothing is known of its plan"
        return f"The run is {'over' if known.ended else 'under way or was cut off'}: {measured}. "
    kept = [f"{rows[name]:,} for {words}" for name, words in PURPOSES.items() if name != "train" and rows[name]]
    size = f" of {known.facts.parameters:,} parameters" if known.facts else ""
    task = known.facts.task if known.facts else known.metrics.get("task", "")
    return (
        f"A network{size} was trained on {rows['train']:,} {plural(rows['train'], 'row')} of {file_name(known)} "
        f"({task}); {' and '.join(kept) or 'no rows'} were kept aside. "
    )


def reached(known: Known) -> str:
    """The second: the headline metric on new rows with its interval, beside the answer that looks at nothing."""
    part, found = headline(known)
    if not found:
        return ""
    reach = f" ({LEVEL} {score(found['low'])} to {score(found['high'])})" if "low" in found else ""
    new = "test rows, which took no part in training" if part == "test" else f"{NAMES[part]} rows"
    name, beside = metric_name(found["name"]), beside_constant(known, part, found)
    return f"On the {new}, its {name} is {score(found['value'])}{reach}{beside}. "


def headline(known: Known) -> tuple[str, dict[str, Any]]:
    """(part, {name, value, low, high}) of the metric that was watched, on the test rows where there are any."""
    all_scores = (
        known.facts.scores
        if known.facts
        else {
            name: {metric: {"value": value} for metric, value in (known.metrics.get(name) or {}).items()}
            for name in ("valid", "test")
        }
    )
    for part in ("test", "valid"):
        scores = all_scores.get(part) or {}
        name = known.metric if known.metric in scores else next(iter(scores), "")
        if name and scores[name].get("value") is not None:
            return part, {"name": name, **scores[name]}
    return "", {}


def beside_constant(known: Known, part: str, found: dict[str, Any]) -> str:
    """Against answering the most frequent class always; "" where that is not comparable."""
    counts = (known.facts.shares.get("counts", {}) if known.facts else {}).get(part)
    if found["name"] != "accuracy" or not counts or not sum(counts):
        return ""
    return f"; answering the most frequent class always would give {score(max(counts) / sum(counts))}"


def of_curves(known: Known) -> str:
    """The third: what the shape of the loss curves says."""
    words = known.facts.verdict if known.facts else ""
    return f"{words} " if words else ""


def worst_finding(known: Known) -> Html:
    """The last: the most severe finding, or that there is none; nothing where nobody looked."""
    looked, where = known.findings, "#findings"
    if looked is None and known.gates:
        held = known.gates[0]["facts"].get("findings") if isinstance(known.gates[0]["facts"], dict) else None
        looked, where = tuple(one for one in held or () if isinstance(one, dict)), "#recipe_data"
    severe = [one for one in looked or () if one.get("severity") in ("error", "warning")]
    if not severe:
        return joined("Nothing severe was found wrong with it." if known.findings is not None else None)
    first = severe[0]
    place = f" ({first['place']})" if first.get("place") else ""
    named = f"{first.get('severity')} {first.get('code')}, {first.get('name')}{place}"
    return joined("The most severe finding: ", tag("a", named, href=where), ".")


def cards(known: Known) -> Html:
    """The numbers that matter most."""
    found = []
    for part in ("test", "valid"):
        scores = (known.facts.scores if known.facts else {}).get(part) or {}
        name = known.metric if known.metric in scores else next(iter(scores), "")
        if name:
            one = scores[name]
            reach = f" · {score(one['low'])} to {score(one['high'])}" if "low" in one else ""
            found.append((score(one["value"]), f"{metric_name(name)} on {NAMES[part]} rows{reach}"))
    if known.gates:
        passed = sum(bool(gate["passed"]) for gate in known.gates)
        came = "gates passed" if known.cooked else f"gates passed; {len(STEPS) - len(known.gates)} steps are left"
        found.append((f"{passed} of {len(known.gates)}", came))
    best = best_line(known.history)
    if best is not None:
        where, what = position_of(known.history, best)
        total = known.plan.get("epochs", "?")
        ended = {"epochs": "all epochs done", "": "not ended"}.get(known.ended, known.ended)
        found.append((f"{number(where)}", f"best {what}; {known.history[-1]['epoch']} of {total} trained ({ended})"))
    found += [(duration(seconds), words) for seconds, words in times(known)]
    if known.facts and known.facts.parameters:
        found.append((f"{known.facts.parameters:,}", "parameters"))
    if not found:
        return Html("")
    return tag(
        "div", [tag("div", tag("b", big), tag("span", small), class_="card") for big, small in found], class_="cards"
    )


def times(known: Known) -> list[tuple[float, str]]:
    """(seconds, what they were spent on)."""
    spent = [gate.get("seconds") for gate in known.gates]
    if spent:
        return [(sum(one for one in spent if isinstance(one, int | float)), "in the steps that are done")]
    searched = (known.search or {}).get("seconds")
    found = [(float(searched), "in the search")] if isinstance(searched, int | float) else []
    if known.metrics.get("seconds"):
        words = "to train the best plan and to measure it" if found else "from reading the file to the end"
        found.append((float(known.metrics["seconds"]), words))
    return found


def duration(seconds: float) -> str:
    """A time in the two largest units."""
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
