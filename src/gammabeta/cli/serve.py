"""The server of the living pages: reads run folders, tells browsers on this machine what is new."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any, NamedTuple

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from gammabeta.report.comparison import comparison
from gammabeta.report.live import Content, Look, content, look
from gammabeta.report.page import fragments, page, policy

TICK = 1.0
"""Seconds between two looks, at least."""

SHARE = 0.005
"""Of all cores: what looking may cost, for all pages together. On two cores a look that took 40 ms is followed by a
pause of four seconds, of twelve where three pages are read."""

QUIET = 15.0
"""Seconds after which a stream says that it is still there."""

ASGI = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]


class Runs(NamedTuple):
    """The folders to watch by their names; several: they have a page of their own, with a line for each."""

    folders: Mapping[str, Path]
    several: bool


class Watched:
    """A page as it was last drawn, shared by all who read it; drawn again when somebody asks and it is time.

    among: how many pages are read now, this one included: they share the time
    """

    def __init__(self, draw: Callable[[], Content], among: Callable[[], int]) -> None:
        self.draw, self.among = draw, among
        self.drawn: Content | None = None
        self.pieces: dict[str, str] = {}
        self.readers = 0
        self.due = 0.0
        self.lock = asyncio.Lock()

    async def now(self) -> Content:
        """The page, not older than its pause."""
        async with self.lock:
            if self.drawn is None or time.monotonic() >= self.due:
                spent = await asyncio.to_thread(self.again)
                self.due = time.monotonic() + pause(spent, self.among())
            assert self.drawn is not None
            return self.drawn

    def again(self) -> float:
        """Look again; the seconds of a core that it took."""
        began = time.thread_time()
        found = self.draw()
        if found is not self.drawn:
            self.drawn, self.pieces = found, dict(fragments(*found))
        return time.thread_time() - began


def pause(spent: float, pages: int) -> float:
    """Seconds after a look that took so many of a core, where so many pages are read."""
    return max(TICK, spent * max(pages, 1) / (SHARE * cores()))


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Looks:
    """The runs as they were last seen: what did not change is neither read nor drawn again.

    runs: asked at every look, for new ones may come; place: where they lie, in words
    """

    def __init__(self, runs: Callable[[], Runs], place: str) -> None:
        self.runs, self.place = runs, place
        self.seen: dict[str, Look] = {}
        self.contents: dict[str, tuple[Any, Content]] = {}

    def at(self, name: str, folder: Path) -> Look:
        """One run, looked at now."""
        before = self.seen.get(name)
        self.seen[name] = look(before if before and before.folder == folder else Look(folder))
        return self.seen[name]

    def home(self) -> Content:
        """The page of all runs, or that of the only one."""
        folders, several = self.runs()
        if not several:
            return self.run(next(iter(folders)))
        looks = {name: self.at(name, folder) for name, folder in folders.items()}
        return self.kept("", tuple(looks.items()), lambda: comparison(looks, self.place))

    def run(self, name: str) -> Content:
        """The page of a run; KeyError where there is none of this name."""
        folders, several = self.runs()
        seen = self.at(name, folders[name])
        return self.kept(name, (seen, several), lambda: content(seen, "/" if several else None))

    def kept(self, name: str, key: Any, draw: Callable[[], Content]) -> Content:
        """What was drawn of the same looks, else drawn anew."""
        if name not in self.contents or self.contents[name][0] != key:
            self.contents[name] = (key, draw())
        return self.contents[name][1]


def application(runs: Callable[[], Runs], place: str, hosts: frozenset[str], over: Callable[[], bool]) -> ASGI:
    """What answers the browsers.

    hosts: what a request may call this server, so that no other site can; over: whether the server is to end, asked
    by every stream
    """
    looks = Looks(runs, place)
    pages: dict[str, Watched] = {}

    def among() -> int:
        return sum(one.readers > 0 for one in pages.values())

    def watched(request: Request) -> Watched:
        name = request.path_params.get("name", "")
        if name and name not in runs().folders:
            raise HTTPException(404, f"There is no run {name} here.")
        draw = looks.home if not name else lambda: looks.run(name)
        return pages.setdefault(name, Watched(draw, among))

    async def show(request: Request) -> Response:
        drawn = await watched(request).now()
        return HTMLResponse(page(*drawn, live=True), headers={"content-security-policy": policy(True)})

    async def tell(request: Request) -> Response:
        return StreamingResponse(told(watched(request), request, over), media_type="text/event-stream")

    routes = [
        Route("/", show),
        Route("/events", tell),
        Route("/run/{name:path}/events", tell),
        Route("/run/{name:path}", show),
    ]
    return only_from(hosts, Starlette(routes=routes))


async def told(found: Watched, request: Request, over: Callable[[], bool]) -> AsyncIterator[str]:
    """Events: every piece of the page at first, then those that have changed."""
    found.readers += 1
    try:
        async for event in events(found, request, over):
            yield event
    finally:
        found.readers -= 1


async def events(found: Watched, request: Request, over: Callable[[], bool]) -> AsyncIterator[str]:
    """The same, whoever counts the readers."""
    sent: dict[str, str] = {}
    yield "retry: 1000\n\n"
    last = time.monotonic()
    while not over() and not await request.is_disconnected():
        await found.now()
        news = {name: html for name, html in found.pieces.items() if sent.get(name) != html}
        for name, html in news.items():
            yield f"data: {json.dumps({'id': name, 'html': html})}\n\n"
        sent |= news
        if news:
            last = time.monotonic()
        elif time.monotonic() - last > QUIET:
            last = time.monotonic()
            yield ": still here\n\n"
        for _ in range(4):
            if not over():
                await asyncio.sleep(TICK / 4)


def only_from(hosts: frozenset[str], inside: ASGI) -> ASGI:
    """Refuse requests that call the server by another name: a foreign site whose name was pointed at this machine."""

    async def guarded(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await inside(scope, receive, send)
            return
        host = next((value.decode("latin-1") for key, value in scope["headers"] if key == b"host"), "")

        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *ALWAYS]
            await send(message)

        answer: ASGI = (
            inside
            if host.lower() in hosts
            else PlainTextResponse(
                f"This is gammabeta watch at {min(hosts)}; a request to {host or 'no host'} is not answered.\n", 421
            )
        )
        await answer(scope, receive, sending)

    return guarded


ALWAYS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
)
