"""From results to numbers: shares with Wilson's 95 % intervals, and tables."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

Result = dict[str, Any]
UNNAMED = "GB305"
"""Says that something is wrong and not what: it detects, and names no cause."""


def wilson(hits: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval of a share."""
    if n == 0:
        return 0.0, 1.0
    share = hits / n
    center = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    return max(0.0, center - half), min(1.0, center + half)


def share(found: Iterable[bool]) -> str:
    """ "93 % (81 to 98; 27 of 29)"."""
    values = list(found)
    if not values:
        return "none measured"
    low, high = wilson(sum(values), len(values))
    return f"{sum(values) / len(values):.0%} ({low:.0%} to {high:.0%}; {sum(values)} of {len(values)})".replace(
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


def harmful(results: Sequence[Result]) -> list[Result]:
    return [one for one in results if one["kind"] == "fault" and one["harm"]["hurts"]]


def by_score(result: Result) -> bool:
    """Whether the score itself suffers, and not the loss alone."""
    return result["harm"]["by"] != "loss"


Row = tuple[str, Callable[[Sequence[Result]], Iterable[bool]], str]

ROWS: tuple[Row, ...] = (
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
        "first fix restores 90 %, of those tried",
        lambda r: (one["fix"]["restored"] for one in harmful(r) if one.get("fix", {}).get("kind") == "tried"),
        ">= 85 %",
    ),
    (
        "right cause, or a fix that restores 90 %",
        lambda r: (named(one, 1) or one.get("fix", {}).get("restored", False) for one in harmful(r)),
        "",
    ),
)


def table(results: Sequence[Result]) -> str:
    """The main numbers: held-out cells, calibration cells, all."""
    parts = {
        "held-out cells": [one for one in results if one["held_out"]],
        "calibration cells": [one for one in results if not one["held_out"]],
    }
    lines = ["| | held-out cells | calibration cells | target |", "|---|---|---|---|"]
    for name, values, target in ROWS:
        lines.append(f"| {name} | {' | '.join(share(values(part)) for part in parts.values())} | {target} |")
    for part, found in parts.items():
        healthy = [one for one in found if one["kind"] == "healthy"]
        if healthy:
            warned = sum(len(causes(one, ("warning",))) for one in healthy) / len(healthy)
            lines.append(f"| warnings per healthy run, {part} | {warned:.2f} (n {len(healthy)}) | | <= 0.3 |")
    return "\n".join(lines)


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
        harmless = one["kind"] == "fault" and not one["harm"]["hurts"]
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
