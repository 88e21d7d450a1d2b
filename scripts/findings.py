"""Writes docs/findings/ from the pages that `gammabeta explain` prints.

python scripts/findings.py
"""

from pathlib import Path

from gammabeta.diagnosis import registry
from gammabeta.diagnosis.finding import FAMILIES, Page

RESEARCH: dict[str, tuple[str, str]] = {
    "D1": ("NaN or infinity in inputs or targets", "GB101"),
    "D2": ("unscaled inputs", "GB102 GB114"),
    "D3": ("constant features", "GB103"),
    "D4": ("duplicates, overlap of the splits", "GB104"),
    "D5": ("target leakage", "GB105"),
    "D6": ("class imbalance that hurts", "GB106"),
    "D7": ("label noise", "GB107"),
    "D8": ("labels misaligned or shuffled", "GB108"),
    "D9": ("covariate shift", "GB109 GB507"),
    "D10": ("preprocessing differs", "GB110"),
    "D11": ("batches not shuffled", ""),
    "D12": ("too few rows, too few to judge", "GB112 GB601"),
    "I1": ("symmetric units", "GB201"),
    "I2": ("initial scale wrong", "GB202"),
    "I3": ("initial loss wrong", "GB203 GB202 GB113"),
    "I4": ("loss, activation and target do not fit", "GB204"),
    "I5": ("no nonlinearity", "GB205"),
    "I6": ("weights never updated", "GB206"),
    "I7": ("rows leak across the batch", "GB207"),
    "I8": ("cannot overfit one batch", ""),
    "I9": ("shape of the capacity", "GB602"),
    "I10": ("dropout or bias before batch norm", "GB503 GB209"),
    "I11": ("deep batch norm without skips", "GB508"),
    "O1": ("learning rate too high", "GB301"),
    "O2": ("learning rate too low", "GB302 GB304"),
    "O3": ("exploding gradients", "GB404"),
    "O4": ("vanishing gradients", "GB403"),
    "O5": ("loss does not decrease", "GB305"),
    "O6": ("loss is unstable", "GB301 GB303"),
    "O7": ("batch too small", "GB306"),
    "O8": ("wrong reduction of the loss, sign turned", "GB204 GB301"),
    "O9": ("regularization overwhelms", "GB307 GB308"),
    "A1": ("dead ReLU", "GB401"),
    "A2": ("saturated sigmoid or tanh", "GB402"),
    "A3": ("internal covariate shift", ""),
    "A4": ("collapsed representation", "GB405"),
    "B1": ("batch too small for batch norm", "GB501"),
    "B2": ("stale statistics", "GB502"),
    "B3": ("variance shift of dropout", "GB503"),
    "B4": ("batch norm in the wrong mode", "GB504"),
    "B5": ("batches of one kind", ""),
    "B6": ("batch norm's parameters", "GB506"),
    "B7": ("statistics against new rows", "GB507"),
    "G1": ("overfitting", "GB601"),
    "G2": ("too small a network", "GB602"),
    "G3": ("too few steps", "GB603"),
    "G4": ("too good to be true", "GB604 GB104 GB105"),
    "G5": ("loss and metric disagree", "GB605"),
    "N1": ("NaN or infinity while training", "GB701"),
    "N2": ("steps swallowed by low precision", ""),
}
"""What the research list calls a problem, and the codes that name it here."""

WITHOUT = {
    "D11": "every epoch is shuffled anew from the seed: it cannot occur",
    "I8": "a test, not a cause: the forks of the causes take its place",
    "A3": "a measure, not a cause: `gammabeta diagnose --deep` prints it",
    "B5": "every batch is drawn by chance: it cannot occur",
    "N2": "weights, statistics and optimizer state are float32: it cannot occur",
}
"""Why a problem of the research list has no code."""

FOLDER = Path(__file__).parent.parent / "docs" / "findings"


def pages() -> dict[str, str]:
    """Every file of docs/findings by its name."""
    known = [one.page for one in registry().values()]
    return {
        "README.md": table(known),
        "research.md": research(known),
        **{f"{page.code}.md": written(page) for page in known},
    }


def table(known: list[Page]) -> str:
    parts = [
        "# Findings",
        "",
        "What `gammabeta diagnose` can say, by code. Each page is also `gammabeta explain CODE`. "
        "[research.md](research.md) has them by the problems that earlier tools look for.",
    ]
    for prefix, family in FAMILIES.items():
        rows = [
            f"| [{page.code}]({page.code}.md) | {page.name} | {page.what} |"
            for page in known
            if page.code[:3] == prefix
        ]
        if rows:
            parts += ["", f"## {prefix}xx {family}", "", "| code | name | what |", "|---|---|---|", *rows]
    return "\n".join(parts) + "\n"


def research(known: list[Page]) -> str:
    """The problems of the research list by their numbers there, with the codes that name them here."""
    names = {page.code: page.name for page in known}
    parts = [
        "# The research list",
        "",
        "Every problem that earlier tools and papers look for, by its number in the research that this began with, and "
        "the codes that name it here.",
        "",
        "| number | problem | codes |",
        "|---|---|---|",
    ]
    for number, (problem, codes) in RESEARCH.items():
        linked = ", ".join(f"[{code}]({code}.md) {names[code]}" for code in codes.split())
        parts.append(f"| {number} | {problem} | {linked or WITHOUT[number]} |")
    listed = " ".join(codes for _, codes in RESEARCH.values())
    beyond = [f"[{page.code}]({page.code}.md) {page.name}" for page in known if page.code not in listed]
    return "\n".join([*parts, "", f"Not on that list: {', '.join(beyond) or 'nothing'}."]) + "\n"


def written(page: Page) -> str:
    sections = {
        "Why it hurts": page.why,
        "Evidence": page.evidence,
        "What to do": page.do,
        "When to ignore it": page.ignore,
        "Sources": page.sources,
    }
    parts = [f"# {page.code}: {page.name}", "", page.what]
    for title, text in sections.items():
        parts += ["", f"## {title}", "", text] if text else []
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.md"):
        old.unlink()
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    print(f"{len(pages())} files in {FOLDER.relative_to(Path.cwd()) if FOLDER.is_relative_to(Path.cwd()) else FOLDER}")
