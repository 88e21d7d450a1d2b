"""The findings, with evidence that unfolds."""

import json
from collections.abc import Mapping
from typing import Any

from gammabeta.report.html import Html, joined, paragraph, table, tag
from gammabeta.report.numbers import number
from gammabeta.report.run_folder import Known
from gammabeta.report.section import Section


def findings(known: Known) -> Section:
    """Every finding: what and where at once, evidence, cost, fix and proof inside."""
    if known.findings is None:
        return Section("findings", "", Html(""))
    if not known.findings:
        words = paragraph("No findings by what is measured. ", tried(known), class_="soft")
        return Section("findings", "Findings", words)
    shown = [finding(one) for one in known.findings]
    return Section("findings", "Findings", joined(shown, paragraph(tried(known), class_="soft")))


def tried(known: Known) -> Html:
    """How to have the findings proved."""
    proved = any(one.get("proof") for one in known.findings or ())
    command = tag("code", f"gammabeta diagnose {known.folder}{' --fix' if proved else ''}")
    return joined(command, " tries the fix in full." if proved else " looks deeper, and tries what would mend it.")


def finding(one: Mapping[str, Any]) -> Html:
    """One finding, folded unless it is severe."""
    severity = str(one.get("severity", "note"))
    kind = severity if severity in ("error", "warning") else "note"
    place = f" ({one['place']})" if one.get("place") else ""
    head = tag(
        "summary",
        tag("span", f"{severity} {one.get('code', '')}", class_="badge"),
        tag("b", one.get("name", "")),
        place,
    )
    inside = [paragraph(one[key]) for key in ("evidence", "costs") if one.get(key)]
    if one.get("advice"):
        inside.append(paragraph(tag("b", "Do: "), one["advice"]))
    if one.get("fix"):
        settings = " ".join(f"--set '{name}={json.dumps(value)}'" for name, value in one["fix"].items())
        inside.append(tag("pre", settings))
    proof = one.get("proof")
    if proof:
        inside.append(proved(proof))
    rows = [
        [name, number(value) if isinstance(value, (int, float)) else "—"]
        for name, value in (one.get("numbers") or {}).items()
    ]
    if rows:
        inside.append(tag("details", tag("summary", "numbers"), table(["measured", "value"], rows), class_="numbers"))
    inside.append(paragraph(tag("code", f"gammabeta explain {one.get('code', '')}"), " says more.", class_="note"))
    body = tag("div", inside, class_="inside")
    return tag("details", head, body, class_=f"finding {kind}", open=kind == "error")


def proved(proof: Mapping[str, Any]) -> Html:
    """The forks behind a finding, as a table."""
    header = ["", "as it was", "changed"]
    rows = [
        [proof.get("metric", "metric"), number(proof.get("before")), number(proof.get("after"))],
        ["loss", number(proof.get("loss_before")), number(proof.get("loss_after"))],
    ]
    sure = "confirmed" if proof.get("confirmed") else "not more than chance"
    words = (
        f"Tried: {proof.get('change')}, in {proof.get('seeds')} pairs of runs of {proof.get('steps')} steps from the "
        f"same start; the gain is {number(proof.get('gain'))} ± {number(proof.get('spread'))} of all there is: {sure}."
    )
    return joined(paragraph(words), table(header, rows))
