"""A real browser opens the page; screenshots are kept where GAMMABETA_SCREENSHOTS says."""

import os
from pathlib import Path

import pytest
from tests.report.runs import recipe_folder, run_folder, search_folder

from gammabeta.report.write import write_report

CHROMIUM = next((path for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if Path(path).exists()), None)


PAGES = {
    "recipe": lambda folder: recipe_folder(folder),
    "recipe-of-images-begun": lambda folder: recipe_folder(folder, 3, "images"),
    "tune": lambda folder: search_folder(folder, 12),
    "search-under-way": lambda folder: search_folder(folder, 4, "searching"),
    "regression": lambda folder: run_folder(folder, "regression", epochs=30),
    "images": lambda folder: run_folder(folder, "images"),
}

UNREADABLE = """() => {
  const found = [];
  for (const svg of document.querySelectorAll("svg.chart")) {
    const box = svg.getBoundingClientRect();
    if (!box.width) continue;
    const title = svg.closest("figure").querySelector("figcaption").textContent;
    if (!svg.closest("figure").querySelector(".numbers table")) found.push(["no table behind", title]);
    const words = Array.from(svg.querySelectorAll("text"), (one) => [one, one.getBoundingClientRect()]);
    for (const [one, r] of words) {
      const size = parseFloat(getComputedStyle(one).fontSize) * one.getScreenCTM().a;
      if (size < 11) found.push(["small", title, one.lastChild.textContent, size]);
      const out = Math.max(box.left - r.left, r.right - box.right, box.top - r.top, r.bottom - box.bottom);
      if (r.width && out > 1) found.push(["sticks out", title, one.lastChild.textContent, out]);
    }
    words.forEach(([one, a], index) => {
      for (const [other, b] of words.slice(index + 1)) {
        const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        const both = [one.lastChild.textContent, other.lastChild.textContent];
        if (across > 2 && down > 4) found.push(["overlaps", title, ...both]);
      }
    });
  }
  return found;
}"""
"""Texts of charts that are smaller than 11 pixels, cut off, or one over the other; charts without numbers."""


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright, of the group test")
    if CHROMIUM is None:
        pytest.skip("needs Chromium at /usr/bin/chromium, the package of Debian")
    quiet = ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-quic", *quiet]
        )
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def screenshots(tmp_path_factory) -> Path:
    named = os.environ.get("GAMMABETA_SCREENSHOTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    return write_report(run_folder(tmp_path_factory.mktemp("report"), "multiclass", epochs=12))


def opened(browser, report, width=1200, scheme="light"):
    """The page, and the list of what it asked for and complained of."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: asked.append(message.text))
    page.on("pageerror", lambda error: asked.append(str(error)))
    page.goto(report.as_uri())
    return page, asked


def test_charts_draw_and_no_request_leaves_the_page(browser, report, screenshots):
    page, asked = opened(browser, report)
    sizes = page.eval_on_selector_all(
        "svg.chart", "all => all.map(one => [one.getBBox().width, one.getBBox().height, one.clientWidth])"
    )
    assert len(sizes) >= 8
    assert all(width > 100 and height > 30 and shown > 200 for width, height, shown in sizes)
    curve = page.eval_on_selector(
        "#training svg.chart path.line", "one => [one.getTotalLength(), getComputedStyle(one).stroke]"
    )
    assert curve[0] > 100
    assert curve[1] != "none"
    page.screenshot(path=screenshots / "report-light.png", full_page=True)
    assert asked == [report.as_uri()]
    page.close()


@pytest.mark.parametrize("name", PAGES)
def test_on_every_page_the_charts_can_be_read_wide_and_on_a_phone(browser, tmp_path, screenshots, name):
    written = write_report(PAGES[name](tmp_path / "run"))
    for width, scheme in ((1200, "light"), (390, "dark")):
        page, asked = opened(browser, written, width, scheme)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.evaluate(UNREADABLE) == []
        assert asked == [written.as_uri()]
        page.screenshot(path=screenshots / f"{name}-{width}-{scheme}.png", full_page=True)
        page.close()


def test_findings_and_numbers_unfold(browser, report):
    page, _ = opened(browser, report)
    note = page.locator("details.finding.note")
    assert not note.locator(".inside").is_visible()
    note.locator("summary").first.click()
    assert note.locator(".inside").is_visible()
    assert page.locator("details.finding.error .inside").is_visible()
    table = page.locator("#training details.numbers").first
    table.locator("summary").click()
    assert table.locator("tbody tr").count() == 12
    page.close()


def test_the_pointer_reads_numbers_out(browser, report):
    page, _ = opened(browser, report)
    chart = page.locator("#training svg.chart").first
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    page.mouse.move(box["x"] + 0.13 * box["width"], box["y"] + box["height"] / 2)
    assert page.locator("#training .readout").first.inner_text().startswith("epoch 1 ")
    page.mouse.move(1, 1)
    assert page.locator("#training .readout").first.inner_text() == ""
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_scrolls_one_way_only(browser, report, screenshots, scheme):
    page, _ = opened(browser, report, 390, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.screenshot(path=screenshots / f"report-phone-{scheme}.png", full_page=True)
    page.close()


def test_the_dark_page_is_dark_and_its_texts_are_light(browser, report, screenshots):
    page, _ = opened(browser, report, scheme="dark")
    colors = page.evaluate("[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]")
    paper, ink = ([int(v) for v in color.strip("rgb()").split(",")] for color in colors)
    assert max(paper) < 60
    assert min(ink) > 200
    page.screenshot(path=screenshots / "report-dark.png", full_page=True)
    page.close()


def test_on_paper_findings_are_unfolded_and_black_on_white(browser, report, screenshots):
    page, _ = opened(browser, report, scheme="dark")
    page.emulate_media(media="print")
    height = "one => one.querySelector('.inside').getBoundingClientRect().height"
    assert page.eval_on_selector("details.finding.note", height) > 10
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.pdf(path=screenshots / "report.pdf")
    page.close()
