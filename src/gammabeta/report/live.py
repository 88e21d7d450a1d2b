"""A page that grows: what of a run folder is new since it was looked at last."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from gammabeta.report.html import Html, joined, paragraph, tag
from gammabeta.report.names import DATABASE_NAME, HISTORY_NAME
from gammabeta.report.run_folder import Known, known
from gammabeta.report.section import Section
from gammabeta.report.sections import sections
from gammabeta.report.sections.verdict import title_of
from gammabeta.report.state import State, state_of
from gammabeta.train.history import Tail, further

Stamp = tuple[tuple[str, int, int], ...]
"""(name, time of the last change, size) of every file that a page is drawn from."""


class Content(NamedTuple):
    """What a page shows, as report.page takes it; subtitle: the line above the title."""

    title: str
    subtitle: Html
    sections: Sequence[Section]


@dataclass(frozen=True, eq=False)
class Look:
    """A run folder as it was seen."""

    folder: Path
    stamp: Stamp = ()
    tail: Tail = Tail()
    known: Known = Known("")
    state: State = State("waiting", "", "")


def look(before: Look, now: float | None = None) -> Look:
    """The folder as it is now; ``before`` itself where nothing of it has changed. Never raises."""
    now = time.time() if now is None else now
    stamp = stamp_of(before.folder)
    written = written_at(before.folder, stamp)
    if stamp == before.stamp and before.known.folder:
        state = state_of(before.known, written, now)
        return before if state == before.state else Look(before.folder, stamp, before.tail, before.known, state)
    tail = further(before.tail, before.folder / HISTORY_NAME)
    found = known(before.folder, tail)
    return Look(before.folder, stamp, tail, found, state_of(found, written, now))


def stamp_of(folder: Path) -> Stamp:
    """What tells that a file of the folder has changed, without reading any."""
    found = []
    for path in (*folder.glob("*.json"), folder / HISTORY_NAME):
        try:
            status = path.stat()
        except OSError:
            continue
        found.append((path.name, status.st_mtime_ns, status.st_size))
    # of the trials' database no more is known than that it is there
    if (folder / DATABASE_NAME).is_file():
        found.append((DATABASE_NAME, 0, 0))
    return tuple(sorted(found))


def written_at(folder: Path, stamp: Stamp) -> float:
    """When anything was written last, in seconds since 1970; a search that is alive says so in its database."""
    changes = [changed for _, changed, _ in stamp]
    with suppress(OSError):
        changes.append((folder / DATABASE_NAME).stat().st_mtime_ns)
    return max(changes, default=0) / 1e9


def content(seen: Look, home: str | None = None) -> Content:
    """The page of a run; home: the address of the page of all runs, None where there is none."""
    above = tag("a", "all runs", href=home) if home else None
    subtitle = joined(badge(seen.state, seen.state.says), above, " · " if above else None, seen.known.folder)
    first, *rest = sections(seen.known)
    if seen.state.word == "waiting":
        words = f"Nothing is here yet. The page fills itself as soon as a run writes to {seen.folder}."
        first = Section(first.id, "", paragraph(words, class_="lead"))
    return Content(title_of(seen.known), subtitle, [first, *rest])


def badge(state: State, words: str) -> Html:
    """What a run is doing, beside a point in a color."""
    return tag("span", words, class_=f"state {state.word}")
