"""The page: sections in one self-contained HTML file that asks nobody for anything."""

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from gammabeta.report.html import Html, joined, tag
from gammabeta.report.section import Section


@cache
def part(name: str) -> str:
    """The page's style or script."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def source_hash(text: str) -> str:
    """How a content security policy names a style or script: 'sha256-...'."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def page(title: str, subtitle: str, sections: Sequence[Section], *, script: str = "", connect: str = "'none'") -> str:
    """An HTML document of sections in their order, each with its id, linked from the top.

    script: more JavaScript, for a page that lives; connect: whom that may ask, as the policy's connect-src. Without
    the two no request can leave the page: its policy allows its own style and script, by hash, and images inside it.
    """
    style, own = part("page.css"), part("page.js")
    scripts = [own, *([script] if script else [])]
    policy = "; ".join(
        (
            "default-src 'none'",
            "img-src data:",
            f"style-src {source_hash(style)}",
            f"script-src {' '.join(map(source_hash, scripts))}",
            f"connect-src {connect}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", title),
        tag("style", Html(style)),
    )
    top = tag("header", tag("p", subtitle, class_="kicker"), tag("h1", title), class_="top")
    links = [tag("a", one.title, href=f"#{one.id}") for one in sections if one.html and one.title]
    body = tag(
        "body",
        top,
        tag("main", tag("nav", links, aria_label="sections"), [framed(one) for one in sections]),
        tag("footer", "written by gammabeta; this page asks nobody for anything"),
        *(tag("script", Html(text)) for text in scripts),
    )
    return joined(Html("<!doctype html>\n"), tag("html", head, body, lang="en"), Html("\n"))


def framed(one: Section) -> Html:
    """A section with its id and title; an empty one keeps its place, so that it can be filled while a page lives."""
    heading = tag("h2", one.title) if one.title and one.html else None
    return tag("section", heading, one.html, id=one.id, hidden=not one.html)
