"""Docstrings as Markdown: formulas as code, what is said of each field or argument by its name, the source."""

import inspect
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

FORMULA = re.compile(r"^(-|N\(|U\(|Mean over|Sum over)|^[^.:]{1,60}? (=|<-) ")
EQUATION = re.compile(r"^[\w\[\],^' ]{1,40} (=|<-) ")


class Told(NamedTuple):
    """A docstring taken apart: paragraphs in Markdown, what it says of each field or argument, and its source."""

    paragraphs: tuple[str, ...]
    of_field: Mapping[str, str]
    source: str


def told(thing: Any, names: Iterable[str], page_of: Callable[[str], str]) -> Told:
    """The docstring of a class or function whose fields or arguments have these names.

    page_of: from the name of a class or function to its page, "" where it has none
    """
    paragraphs, of_field, source = [], {}, ""
    entry = re.compile(rf"^((?:{'|'.join(names) or '$'})(?:, (?:{'|'.join(names) or '$'}))*): ")
    for paragraph in inspect.cleandoc(thing.__doc__).split("\n\n"):
        paragraph, *after = re.split(r"Source:\s+", paragraph, maxsplit=1)
        source = source or " ".join(" ".join(after).split()).rstrip(".")
        prose, entries = [], []
        for line in split_at_entries(paragraph.rstrip(), entry):
            if entry.match(line):
                entries.append(line)
            elif entries:
                entries[-1] += ("<br>" if re.match(r' +"', line) else " ") + line.strip()
            else:
                prose.append(line)
        for text in entries:
            named, _, says = text.partition(": ")
            of_field |= dict.fromkeys(named.split(", "), linked(says.strip().rstrip(";"), page_of))
        if prose:
            paragraphs.append(linked(markdown(prose, first=not paragraphs), page_of))
    return Told(tuple(paragraphs), of_field, source)


def split_at_entries(paragraph: str, entry: re.Pattern[str]) -> list[str]:
    """Lines, with a new one wherever ``; name: `` begins another entry."""
    lines: list[str] = []
    for line in paragraph.splitlines():
        start = ""
        for part in re.split(r"(?<=;) (?=\w)", line):
            if start and not entry.match(part):
                lines[-1] += f" {part}"
            else:
                lines.append(part)
            start = part
    return lines


def markdown(lines: list[str], first: bool) -> str:
    """Formulas, examples and indented lines as code, ``name: text`` lines as a list, the rest as prose."""
    if lines[0].startswith(">>>"):
        return "```python\n" + "\n".join(lines) + "\n```"
    if all(line.startswith("    ") or EQUATION.match(line) for line in lines) or (first and FORMULA.match(lines[0])):
        return "```text\n" + textwrap.dedent("\n".join(lines)).replace(";  ", "\n") + "\n```"
    if all(re.match(r"\w+: | ", line) for line in lines):
        lines = [line if line.startswith(" ") else f"- {line}" for line in lines]
    # a line that ends early ends on purpose
    kept = [f"{line}\\" if len(line) < 96 and line.endswith(".") else line for line in lines[:-1]]
    return "\n".join([*kept, lines[-1]])


def linked(text: str, page_of: Callable[[str], str]) -> str:
    """References to code as links to pages, or as code."""

    def reference(match: re.Match[str]) -> str:
        name = match[1].rpartition(".")[2]
        page = page_of(name)
        return f"[`{name}`]({page}.md)" if page else f"`{name}`"

    return re.sub(r"(?<!`)``(?!`)", "`", re.sub(r":\w+:`([^`]+)`", reference, text))
