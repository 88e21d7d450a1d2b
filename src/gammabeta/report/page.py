"""The page: sections in one self-contained HTML file that asks nobody for anything."""

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from gammabeta.report.html import Html, joined, tag
from gammabeta.report.section import Section

TOP, LINKS = "top", "links"
SELF, NOBODY = "'self'", "'none'"


@cache
def part(name: str) -> str:
    """The page's style or script."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def source_hash(text: str) -> str:
    """How a content security policy names a style or script: 'sha256-...'."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def page(title: str, subtitle: object, sections: Sequence[Section], *, live: bool = False) -> str:
    """An HTML document of sections in their order, each with its id, linked from the top.

    live: with the script that fills it while a server tells what is new. Without, no request can leave the page: its
    policy allows its own style and script, by hash, and images inside it.
    """
    style = part("page.css")
    scripts = [part("page.js"), *([part("live.js")] if live else [])]
    content = fragments(title, subtitle, sections)
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy(live)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", title),
        tag("style", Html(style)),
    )
    asks = "its own server, on this machine, and nobody else" if live else "nobody for anything"
    body = tag(
        "body",
        content.pop(TOP),
        tag("main", *content.values()),
        tag("footer", f"written by gammabeta; this page asks {asks}"),
        *(tag("script", Html(text)) for text in scripts),
    )
    return joined(Html("<!doctype html>\n"), tag("html", head, body, lang="en"), Html("\n"))


def policy(live: bool) -> str:
    """The content security policy of a page: its own style and scripts by hash, images inside it, its own server."""
    scripts = ("page.js", "live.js") if live else ("page.js",)
    return "; ".join(
        (
            "default-src 'none'",
            "img-src data:",
            f"style-src {source_hash(part('page.css'))}",
            f"script-src {' '.join(source_hash(part(name)) for name in scripts)}",
            f"connect-src {SELF if live else NOBODY}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def fragments(title: str, subtitle: object, sections: Sequence[Section]) -> dict[str, Html]:
    """The pieces of a page by their ids, in its order: the top, the links, and every section."""
    links = [tag("a", one.title, href=f"#{one.id}") for one in sections if one.html and one.title]
    return {
        TOP: tag("header", tag("p", subtitle, class_="kicker"), tag("h1", title), class_="top", id=TOP),
        LINKS: tag("nav", links if len(links) > 1 else None, aria_label="sections", id=LINKS),
        **{one.id: framed(one) for one in sections},
    }


def framed(one: Section) -> Html:
    """A section with its id and title; an empty one keeps its place, so that it can be filled while a page lives."""
    heading = tag("h2", one.title) if one.title and one.html else None
    return tag("section", heading, one.html, id=one.id, hidden=not one.html)
