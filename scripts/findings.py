"""Writes docs/findings/ from the pages that `gammabeta explain` prints.

python scripts/findings.py
"""

from pathlib import Path

from gammabeta.diagnosis import registry
from gammabeta.diagnosis.finding import FAMILIES, Page

FOLDER = Path(__file__).parent.parent / "docs" / "findings"


def pages() -> dict[str, str]:
    """Every file of docs/findings by its name."""
    known = [one.page for one in registry().values()]
    return {"README.md": table(known), **{f"{page.code}.md": written(page) for page in known}}


def table(known: list[Page]) -> str:
    parts = [
        "# Findings",
        "",
        "What `gammabeta diagnose` can say, by code. Each page is also `gammabeta explain CODE`.",
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
