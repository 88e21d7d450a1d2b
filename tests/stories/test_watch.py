"""The living page: a server of its own process, read by plain HTTP and by a real browser while a run is written."""

import asyncio
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from tests.report.runs import line, run_folder
from tests.report.test_browser import browser, screenshots  # noqa: F401
from tests.stories.command import gammabeta

from gammabeta.cli import serve
from gammabeta.report.html import Html
from gammabeta.report.live import Content

ENOUGH = 60.0
"""Seconds after which a test gives up waiting, on the busiest of machines."""


class Server:
    """``gammabeta watch`` on a port that the machine chose."""

    def __init__(self, *typed: object) -> None:
        words = [sys.executable, "-m", "gammabeta", "watch", *map(str, typed)]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.said = self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", self.said)
        assert found, self.process.stderr.read()
        self.port = int(found.group(1))
        self.address = found.group().rstrip("/")
        self.open: list[http.client.HTTPResponse | http.client.HTTPConnection] = []

    def answer(self, path="/", host=None) -> http.client.HTTPResponse:
        """The answer to one request; it may go on."""
        asked = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ENOUGH)
        asked.putrequest("GET", path, skip_host=True)
        asked.putheader("Host", f"127.0.0.1:{self.port}" if host is None else host)
        asked.endheaders()
        answer = asked.getresponse()
        self.open += [answer, asked]
        return answer

    def close(self) -> None:
        """End it, and what was asked of it."""
        for one in self.open:
            one.close()
        self.process.kill()
        with suppress(ValueError):
            self.process.communicate()

    def text(self, path="/") -> str:
        return self.answer(path).read().decode()

    def ended(self) -> tuple[int, str]:
        """(exit code, standard error) after Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        _, err = self.process.communicate(timeout=ENOUGH)
        return self.process.returncode, err


@contextmanager
def watching(*typed: object) -> Iterator[Server]:
    server = Server(*typed)
    try:
        yield server
    finally:
        server.close()


def events(answer: http.client.HTTPResponse) -> Iterator[dict[str, str]]:
    """What a stream tells, one piece of the page after the other."""
    while told := answer.readline():
        if told.startswith(b"data: "):
            yield json.loads(told[6:])


def until(stream: Iterator[dict[str, str]], last: str, words: str) -> dict[str, str]:
    """The pieces up to the one that says these words."""
    found = {}
    for one in stream:
        found[one["id"]] = one["html"]
        if one["id"] == last and words in one["html"]:
            return found
    raise AssertionError(f"the stream ended before {last} said {words}")


def add(folder: Path, *lines) -> None:
    with (folder / "history.jsonl").open("a") as file:
        file.write("".join(json.dumps(one) + "\n" for one in lines))


def under_way(folder: Path, epochs=2) -> Path:
    """A run that has not ended."""
    run_folder(folder, "multiclass", epochs)
    for name in ("metrics.json", "facts.json", "history.jsonl"):
        (folder / name).unlink()
    add(folder, *(line(number + 1) for number in range(epochs)))
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """A folder with two runs under way and one that is over."""
    folder = tmp_path_factory.mktemp("watched") / "runs"
    under_way(folder / "first")
    under_way(folder / "second", 4)
    run_folder(folder / "third", "multiclass", 6)
    return folder


@pytest.fixture(scope="module")
def server(runs) -> Iterator[Server]:
    with watching(runs, "--port", 0) as made:
        yield made


def test_only_the_pieces_that_changed_are_told(server, runs):
    page = server.text("/run/first")
    stream = events(server.answer("/run/first/events"))
    every = until(stream, "plan", "Plan and rerun")
    assert set(re.findall(r'<section [^>]*id="(\w+)"', page)) == set(every) - {"top", "links"}
    assert all(html in page for html in every.values())
    number = json.loads((runs / "first/history.jsonl").read_text().splitlines()[-1])["epoch"] + 1
    add(runs / "first", line(number))
    news = until(stream, "layers", f">{number}<")
    assert set(news) == {"top", "verdict", "training", "layers"}
    assert f"training, epoch {number} of" in news["top"]
    half = json.dumps(line(number + 1))
    with (runs / "first/history.jsonl").open("a") as file:
        file.write(half[:30])
    (runs / "first/findings.json").write_text("[]")
    assert "No" in until(stream, "findings", "section")["findings"]
    with (runs / "first/history.jsonl").open("a") as file:
        file.write(half[30:] + "\n")
    assert "is cut off" not in until(stream, "verdict", f"{number + 1} of")["verdict"]


def test_a_replaced_run_is_told_from_its_beginning(server, runs):
    stream = events(server.answer("/run/second/events"))
    until(stream, "top", "epoch 4 of")
    (runs / "second/history.jsonl").write_text("")
    assert "<h2>" not in until(stream, "training", " hidden>")["training"]
    add(runs / "second", {**line(1), "seconds": 0.7})
    assert "epoch 1 of" in until(stream, "top", "epoch 1 of")["top"]


def test_the_page_of_all_runs_has_them_side_by_side_and_new_ones_too(server, runs):
    stream = events(server.answer("/events"))
    first = until(stream, "comparison", "Side by side")
    assert re.findall(r'href="(/run/\w+)"', first["runs"]) == ["/run/first", "/run/second", "/run/third"]
    under_way(runs / "fourth")
    assert "/run/fourth" in until(stream, "runs", "fourth")["runs"]
    assert "Training" in server.text("/run/fourth")


def test_a_request_by_another_name_is_refused(server):
    for host in ("evil.example", f"evil.example:{server.port}", "127.0.0.1", "127.0.0.1:1", ""):
        for path in ("/", "/events", "/run/third"):
            answer = server.answer(path, host)
            assert answer.status == 421
            assert "epoch" not in answer.read().decode()
    assert server.answer("/", f"LOCALHOST:{server.port}").status == 200


def test_answers_bind_the_browser_and_are_not_kept(server):
    for path in ("/", "/run/third", "/run/third/events"):
        headers = server.answer(path).headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-frame-options"] == "DENY"
        assert "access-control-allow-origin" not in headers
    assert "connect-src 'self'" in server.answer("/").headers["content-security-policy"]


def test_what_is_not_there_is_not_found(server):
    assert server.answer("/run/nowhere").status == 404
    assert server.answer("/run/nowhere/events").status == 404
    assert server.answer("/run/..%2F..%2Fetc").status == 404


def test_it_listens_on_this_machine_only(server):
    with socket.socket() as other, pytest.raises(OSError, match="refused"):
        other.connect(("127.0.0.2", server.port))


def test_a_page_waits_for_its_run_and_survives_the_server(tmp_path):
    folder = tmp_path / "run"
    with watching(folder, "--port", 0) as first:
        stream = events(first.answer("/events"))
        assert "Nothing is here yet" in until(stream, "verdict", "section")["verdict"]
        under_way(folder)
        until(stream, "top", "epoch 2 of")
        code, err = first.ended()
        assert (code, err) == (0, f"{folder} is not there yet; its page waits for it.\n")
        assert first.port > 0
    with watching(folder, "--port", first.port) as second:
        assert "epoch 2 of" in until(events(second.answer("/events")), "top", "epoch")["top"]


def test_a_port_in_use_is_refused_with_a_free_one(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        outcome = gammabeta("watch", tmp_path, "--port", port)
        assert outcome.code == 2
        free = re.search(rf"--port {port}: in use by another program.* --port (\d+)", outcome.complaint)
        assert int(free.group(1)) > port


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (("{folder}",), "found neither a run"),
        (("{folder}/file.csv",), "found a file, expected the folder of a run"),
        (("{folder}", "--port", 70000), "expected a number from 1 to 65535"),
        ((), "Missing argument"),
    ],
)
def test_what_is_no_run_and_no_port_is_refused_in_a_sentence(typed, words, tmp_path):
    (tmp_path / "file.csv").write_text("a,b\n")
    outcome = gammabeta("watch", *(str(one).format(folder=tmp_path) for one in typed))
    assert outcome.code in (1, 2)
    assert words in outcome.complaint


def test_pages_that_are_read_share_what_looking_may_cost(monkeypatch):
    assert serve.pause(1.0, 3) == pytest.approx(3 * serve.pause(1.0, 1))
    assert serve.pause(1.0, 1) == pytest.approx(1 / (serve.SHARE * serve.cores()))
    assert serve.pause(0.0, 5) == serve.TICK
    shared: list[int] = []
    monkeypatch.setattr(serve, "pause", lambda spent, pages: shared.append(pages) or 0.0)
    pages: list[serve.Watched] = []
    pages += [
        serve.Watched(lambda: Content("t", Html(""), []), lambda: sum(one.readers > 0 for one in pages))
        for _ in range(4)
    ]

    class Reader:
        async def is_disconnected(self) -> bool:
            return False

    async def read() -> None:
        streams = [serve.told(page, Reader(), lambda: False) for page in pages[:3]]
        for stream in streams:
            await anext(stream)
        for stream in streams:
            await anext(stream)
        await streams[0].aclose()
        await pages[3].now()

    asyncio.run(read())
    assert shared == [3, 3, 3, 2]


def test_without_its_packages_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("gammabeta.cli.watch.find_spec", lambda name: None)
    outcome = gammabeta("watch", tmp_path)
    assert outcome.code == 2
    assert "pip install 'gammabeta[watch]'" in outcome.complaint


def opened(browser, address, width=1200, scheme="light"):  # noqa: F811
    """The page, the list of what it asked for, and the list of what it complained of."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(address)
    return page, asked, complaints


def eventually(page, expression):
    """Wait until it is true in the page; playwright's own waiting is refused by the page's policy."""
    end = time.monotonic() + ENOUGH
    while not page.evaluate(expression):
        assert time.monotonic() < end, expression
        page.wait_for_timeout(50)


def test_in_a_browser_the_chart_grows_and_what_was_unfolded_stays_so(browser, tmp_path, screenshots):  # noqa: F811
    folder = under_way(tmp_path / "run", 3)
    with watching(folder, "--port", 0) as server:
        page, asked, complaints = opened(browser, server.address)
        table = page.locator("#training details.numbers").first
        table.locator("summary").click()
        page.locator("#layers").scroll_into_view_if_needed()
        before = page.evaluate("document.getElementById('layers').getBoundingClientRect().top")
        length = page.eval_on_selector("#training svg.chart path.line", "one => one.getTotalLength()")
        add(folder, *(line(number) for number in range(4, 9)))
        eventually(page, "document.querySelectorAll('#training details')[0].querySelectorAll('tr').length === 9")
        assert page.eval_on_selector("#training svg.chart path.line", "one => one.getTotalLength()") != length
        assert page.locator("#training circle").count() == 8 * 6
        assert page.locator("#training details.numbers[open]").count() == 1
        after = page.evaluate("document.getElementById('layers').getBoundingClientRect().top")
        assert abs(after - before) < 2
        assert "epoch 8 of" in page.locator(".state").inner_text()
        assert page.locator(".lost").is_hidden()
        page.screenshot(path=screenshots / "watch-run.png", full_page=True)
        assert {url.split("/")[2] for url in asked} == {f"127.0.0.1:{server.port}"}
        assert complaints == []
        os.kill(server.process.pid, signal.SIGINT)
        page.wait_for_selector(".lost", state="visible")
        server.process.wait(ENOUGH)
        with watching(folder, "--port", server.port):
            add(folder, line(9))
            page.wait_for_selector(".lost", state="hidden", timeout=1000 * ENOUGH)
            eventually(page, "document.querySelector('.state').textContent.includes('epoch 9 of')")
        page.close()


@pytest.mark.parametrize(("width", "scheme"), [(1200, "dark"), (390, "light"), (390, "dark")])
@pytest.mark.parametrize("path", ["", "/run/third"])
def test_dark_and_on_a_phone(browser, server, screenshots, path, width, scheme):  # noqa: F811
    page, _, complaints = opened(browser, f"{server.address}{path}", width, scheme)
    page.wait_for_selector("svg.chart")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (max(map(int, paper.strip("rgb()").split(","))) < 60) == (scheme == "dark")
    name = "run" if path else "index"
    page.screenshot(path=screenshots / f"watch-{name}-{width}-{scheme}.png", full_page=True)
    assert complaints == []
    page.close()


@pytest.mark.slow
def test_a_hidden_page_asks_for_nothing_until_it_is_seen_again(browser, tmp_path):  # noqa: F811
    folder = under_way(tmp_path / "run", 1)
    with watching(folder, "--port", 0) as server:
        page, asked, _ = opened(browser, server.address)
        page.wait_for_selector("#training figure")
        hide = "hidden => {Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});"
        hide += "document.dispatchEvent(new Event('visibilitychange'))}"
        page.evaluate(hide, True)
        add(folder, line(2))
        count = len(asked)
        time.sleep(2.5)
        assert "epoch 1 of" in page.locator(".state").inner_text()
        page.evaluate(hide, False)
        eventually(page, "document.querySelector('.state').textContent.includes('epoch 2 of')")
        assert len(asked) == count + 1
        page.close()
