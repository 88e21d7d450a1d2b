"""From results to numbers: shares with Wilson's 95 % intervals, and tables."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from gammabeta.diagnosis.noise import wilson

Result = dict[str, Any]
UNNAMED = "GB305"
"""Says that something is wrong and not what: it detects, and names no cause."""


def share(found: Iterable[bool]) -> str:
    """ "93.1 % (81 % to 98 %; 27 of 29)"."""
    values = list(found)
    if not values:
        return "none measured"
    low, high = wilson(sum(values), len(values))
    return f"{sum(values) / len(values):.1%} ({low:.0%} to {high:.0%}; {sum(values)} of {len(values)})".replace(
        "%", " %"
    )


def causes(result: Result, least: Sequence[str] = ("error", "warning")) -> list[str]:
    """Codes of a result's findings of these severities, in order, each once."""
    return list(dict.fromkeys(one["code"] for one in result["findings"] if one["severity"] in least))


def detected(result: Result) -> bool:
    return bool(causes(result))


def errors(result: Result) -> bool:
    return bool(causes(result, ("error",)))


def named(result: Result, among: int) -> bool:
    """Whether an accepted cause is among the first so many."""
    return bool(set([code for code in causes(result) if code != UNNAMED][:among]) & set(result["accepted"]))


def further(result: Result) -> list[str]:
    """What is named beside the first cause."""
    return [code for code in causes(result) if code != UNNAMED][1:]


def wrong_beside(result: Result) -> bool:
    """Whether a run with one fault is said to have another cause too, that it has not."""
    return bool(set(further(result)) - set(result["accepted"]))


def harmful(results: Sequence[Result]) -> list[Result]:
    return [one for one in results if one["kind"] == "fault" and one["harm"]["hurts"]]


def doubles(results: Sequence[Result]) -> list[Result]:
    """The pairs of faults of which each hurts by itself as well as both together."""
    return [
        one for one in results if one["kind"] == "double" and one["harm"]["hurts"] and all(one["harm"].get("alone", []))
    ]


def both_named(result: Result) -> bool:
    """Whether both of two faults are among the causes."""
    found = set(causes(result))
    return all(found & set(codes) for codes in result["both"])


def checks(results: Sequence[Result]) -> list[dict[str, Any]]:
    """What the paired check said of every fix that was tried, and whether the fix helps on the hold-out."""
    fixes = [one["fix"] for one in results if one["kind"] == "fault" and "check" in one.get("fix", {})]
    return [fix["check"] for fix in fixes]


def useless_fixes(results: Sequence[Result]) -> str:
    """How often the paired check keeps a change that changes nothing: 3 healthy runs against 3 others, by data set."""
    found = {one["cell"]: one["harm"]["useless"] for one in results if "useless" in one["harm"]}
    kept, of = (sum(pair[i] for pair in found.values()) for i in (0, 1))
    if not of:
        return "none measured"
    # the comparisons of a cell share their runs: the interval is that of the cells
    shares = [pair[0] / pair[1] for pair in found.values()]
    mean = sum(shares) / len(shares)
    spread = (sum((one - mean) ** 2 for one in shares) / max(len(shares) - 1, 1) / len(shares)) ** 0.5
    low, high = max(0.0, mean - 1.96 * spread), mean + 1.96 * spread
    return f"{mean:.1%} ({low:.1%} to {high:.1%}; {kept} of {of} comparisons in {len(found)} cells)".replace("%", " %")


def by_score(result: Result) -> bool:
    """Whether the score itself suffers, and not the loss alone."""
    return result["harm"]["by"] != "loss"


Row = tuple[str, Callable[[Sequence[Result]], Iterable[bool]], str]

ROWS: tuple[Row, ...] = (
    ("detected, gross", lambda r: (detected(one) for one in harmful(r) if one["severity"] == "gross"), ""),
    ("detected, clear", lambda r: (detected(one) for one in harmful(r) if one["severity"] == "clear"), ""),
    (
        "detected, clear and gross",
        lambda r: (detected(one) for one in harmful(r) if one["severity"] != "mild"),
        ">= 98 %",
    ),
    ("detected, mild", lambda r: (detected(one) for one in harmful(r) if one["severity"] == "mild"), ">= 90 %"),
    ("detected with an error, all that hurt", lambda r: (errors(one) for one in harmful(r)), ""),
    ("detected, of those whose score suffers", lambda r: (detected(one) for one in harmful(r) if by_score(one)), ""),
    ("false alarms, healthy", lambda r: (errors(one) for one in r if one["kind"] == "healthy"), "<= 2 %"),
    (
        "false alarms, hard negatives",
        lambda r: (errors(one) for one in r if one["kind"] == "healthy" and one["hard"]),
        "<= 5 %",
    ),
    (
        "errors in harmless plants",
        lambda r: (errors(one) for one in r if one["kind"] == "fault" and not one["harm"]["hurts"]),
        "",
    ),
    ("right cause first", lambda r: (named(one, 1) for one in harmful(r)), ">= 90 %"),
    ("right cause first, of the detected", lambda r: (named(one, 1) for one in harmful(r) if detected(one)), ""),
    ("right cause among three", lambda r: (named(one, 3) for one in harmful(r)), ">= 98 %"),
    (
        "a further cause is named, and it is wrong",
        lambda r: (wrong_beside(one) for one in harmful(r)),
        "",
    ),
    (
        "further causes that are right",
        lambda r: (code in one["accepted"] for one in harmful(r) for code in further(one)),
        "",
    ),
    (
        "first fix restores 90 %, of those tried",
        lambda r: (one["fix"]["restored"] for one in harmful(r) if one.get("fix", {}).get("kind") == "tried"),
        ">= 85 %",
    ),
    (
        "right cause, or a fix that restores 90 %",
        lambda r: (named(one, 1) or one.get("fix", {}).get("restored", False) for one in harmful(r)),
        "",
    ),
    (
        "paired check keeps a fix that helps",
        lambda r: (check["kept"] for check in checks(r) if check["helps"]),
        "",
    ),
    ("fixes that the check keeps and that do not help", lambda r: (not c["helps"] for c in checks(r) if c["kept"]), ""),
    ("two faults at once: both named", lambda r: (both_named(one) for one in doubles(r)), ">= 70 %"),
    ("two faults at once: one of them named first", lambda r: (named(one, 1) for one in doubles(r)), ""),
)


def table(parts: Mapping[str, Sequence[Result]], targets_only: bool = False) -> str:
    """The main numbers, a column for each part of the results.

    targets_only: without the lines that have no target
    """
    lines = [f"| | {' | '.join(parts)} | target |", f"|---|{'---|' * len(parts)}---|"]
    for name, values, target in ROWS:
        if target or not targets_only:
            lines.append(f"| {name} | {' | '.join(share(values(part)) for part in parts.values())} | {target} |")
    lines.append(f"| warnings per healthy run | {' | '.join(warned(part) for part in parts.values())} | <= 0.3 |")
    return "\n".join(lines)


def by_cells(results: Sequence[Result]) -> dict[str, Sequence[Result]]:
    """The results in two parts: what calibration never saw, and what it may look at."""
    return {
        "held-out cells": [one for one in results if one["held_out"]],
        "calibration cells": [one for one in results if not one["held_out"]],
    }


def warned(results: Sequence[Result]) -> str:
    """Warnings per healthy run, with the interval of their mean."""
    counts = [len(causes(one, ("warning",))) for one in results if one["kind"] == "healthy"]
    if not counts:
        return "-"
    mean = sum(counts) / len(counts)
    half = 1.96 * (sum((one - mean) ** 2 for one in counts) / max(len(counts) - 1, 1) / len(counts)) ** 0.5
    return f"{mean:.2f} ({max(0.0, mean - half):.2f} to {mean + half:.2f}; n {len(counts)})"


def rivals_table(results: Sequence[Result]) -> str:
    """The rival rule sets on the same runs; any of their alarms right for the cause counts as naming it."""
    bad, good = harmful(results), [one for one in results if one["kind"] == "healthy"]
    lines = ["| | detected | any alarm names the cause | false alarms, healthy |", "|---|---|---|---|"]
    lines.append(
        f"| gammabeta | {share(map(detected, bad))} | {share(named(one, 99) for one in bad)} "
        f"| {share(map(detected, good))} with warnings, {share(map(errors, good))} errors |"
    )
    for name in results[0]["rivals"] if results else ():
        right = (any(set(codes) & set(one["accepted"]) for codes in one["rivals"][name].values()) for one in bad)
        lines.append(
            f"| {name} | {share(bool(one['rivals'][name]) for one in bad)} | {share(right)} "
            f"| {share(bool(one['rivals'][name]) for one in good)} |"
        )
    return "\n".join(lines)


def families(results: Sequence[Result]) -> str:
    """Confusion by family: planted, down, against the first cause named, across.

    Planted is the family of the cause named where it is right, else that of the first accepted code.
    """
    bad = harmful(results)
    across = [*sorted({f"GB{n}" for n in range(1, 8)}), UNNAMED, "nothing"]
    lines = [f"| planted | {' | '.join(across)} |", f"|---|{'---|' * len(across)}"]
    pairs = [(one, (causes(one) or ["nothing"])[0]) for one in bad]
    for planted in across[:7]:
        mine = [
            found for one, found in pairs if (found if found in one["accepted"] else one["accepted"][0])[:3] == planted
        ]
        first = Counter(map(family, mine))
        if mine:
            lines.append(f"| {planted} | {' | '.join(str(first[one] or '') for one in across)} |")
    return "\n".join(lines)


def family(code: str) -> str:
    return code if code in (UNNAMED, "nothing") else code[:3]


def doubles_table(results: Sequence[Result]) -> str:
    """Every pair of faults, and what was found."""
    lines = ["| two faults | cell | accepted | found | both |", "|---|---|---|---|---|"]
    for one in doubles(results):
        wanted = " and ".join("/".join(codes) for codes in one["both"])
        both = "yes" if both_named(one) else "no"
        lines.append(f"| {one['name']} | {one['cell']} | {wanted} | {' '.join(causes(one)) or 'nothing'} | {both} |")
    return "\n".join(lines)


def confusion(results: Sequence[Result]) -> str:
    """Every fault, whether it hurts, and what was found first."""
    lines = ["| fault | accepted | hurts | detected | right first | first causes named | fix restores |"]
    lines.append("|---|---|---|---|---|---|---|")
    faults = [one for one in results if one["kind"] == "fault"]
    for number, name in sorted({(one["number"], one["name"]) for one in faults}):
        mine = [one for one in faults if one["name"] == name]
        bad = [one for one in mine if one["harm"]["hurts"]]
        first = Counter((causes(one) or ["nothing"])[0] for one in bad)
        tried = [one["fix"] for one in bad if one.get("fix", {}).get("kind") == "tried"]
        lines.append(
            f"| {number} {name} | {' '.join(mine[0]['accepted'])} | {len(bad)} of {len(mine)} "
            f"| {sum(map(detected, bad))} | {sum(named(one, 1) for one in bad)} "
            f"| {', '.join(f'{code} {count}' for code, count in first.most_common())} "
            f"| {sum(one['restored'] for one in tried)} of {len(tried)} |"
        )
    return "\n".join(lines)


def lists(results: Sequence[Result]) -> str:
    """What went wrong, run by run."""
    lines = ["## False alarms", ""]
    for one in results:
        harmless = one["kind"] != "healthy" and not one["harm"]["hurts"]
        if (one["kind"] == "healthy" or harmless) and errors(one):
            first = next(f for f in one["findings"] if f["severity"] == "error")
            what = "harmless plant" if harmless else "healthy"
            lines.append(
                f"- {what} {one['name']}, {one['cell']} {one['severity']}: {first['code']}, {first['evidence']}"
            )
    lines += ["", "## Missed, or named wrongly", ""]
    for one in harmful(results):
        if not named(one, 1):
            harm = one["harm"][one["harm"]["by"]]
            seen = ", ".join(causes(one)) or "nothing"
            lines.append(
                f"- {one['name']}, {one['cell']}, {one['severity']}: {seen} found, expected "
                f"{' or '.join(one['accepted'])}; lost {harm['lost']:.3g} of {one['harm']['by']}"
            )
    return "\n".join(lines)
