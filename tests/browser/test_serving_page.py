"""The page of a server in a browser: it finds, recommends, turns the dials and adds items, by mouse and keyboard."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")

from open_pages import Seen
from served import Server, small_recommender, start

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

PATIENCE_MS = 60_000
Open = Callable[..., Seen]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    small_recommender().save(folder / "model")
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    """A server that these tests share; each adds items of its own."""
    running = start(folder / "model", folder / "log", "--state", folder / "state")
    yield running
    running.end()


@pytest.fixture(scope="module")
def open_page(chromium: "Browser") -> Iterator[Open]:
    """Give a function that opens a server's page, and closes the windows when the tests are over."""
    contexts: list[BrowserContext] = []

    def open_(server: Server, path: str = "/", width: int = 1280, scheme: str = "light", wait: bool = True) -> Seen:
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
            reduced_motion="reduce",
        )
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        seen = Seen(context.new_page())
        seen.page.on("console", lambda message: seen.messages.append(message.text))
        seen.page.on("pageerror", lambda error: seen.messages.append(str(error)))
        seen.page.on("request", lambda request: seen.requests.append(request.url))
        seen.page.goto(server.address + path)
        if wait:
            seen.page.wait_for_selector("html[data-ready]", state="attached")
        return seen

    yield open_
    for context in contexts:
        context.close()


def titles(page: "Page") -> list[str]:
    return page.locator("#results .title").all_inner_texts()


def wait_for_change(page: "Page", before: list[str]) -> list[str]:
    """Wait until the list is another one and at rest."""
    page.wait_for_function(
        """before => !document.querySelector('#results.stale') && JSON.stringify(before) !==
        JSON.stringify([...document.querySelectorAll('#results .title')].map((title) => title.innerText))""",
        arg=before,
    )
    return titles(page)


def wait_for_list(page: "Page") -> list[str]:
    page.wait_for_function("() => document.querySelector('#results li') && !document.querySelector('#results.stale')")
    return titles(page)


def put(page: "Page", words: str) -> None:
    """Find an item by the keyboard and put it into the basket."""
    page.locator("#find-item").fill(words)
    page.wait_for_function(
        "words => document.querySelector('#found-items li')?.innerText.includes(words) && "
        "document.querySelector('#find-item').ariaExpanded === 'true'",
        arg=words,
    )
    page.locator("#find-item").press("Enter")


def test_a_basket_changes_the_list_at_once(server: Server, open_page: Open) -> None:
    """Items found by their words fill the basket; the list is of their kind and says because of what."""
    seen = open_page(server)
    page = seen.page
    general = wait_for_list(page)
    put(page, "tents 1 ")
    of_tents = wait_for_change(page, general)
    assert all(title.startswith("tents") for title in of_tents[:5])
    assert page.locator("#results .because").first.inner_text().startswith("because of tents 1 <b>")
    page.get_by_role("button", name="Take tents 1").click()
    assert wait_for_change(page, of_tents) == general
    assert seen.messages == []
    assert all(url.startswith((server.address, "data:")) for url in seen.requests)


def test_the_keyboard_is_enough(server: Server, open_page: Open) -> None:
    """Arrows choose among what is found, Escape closes it, and Tab reaches the buttons of an item."""
    page = open_page(server).page
    general = wait_for_list(page)
    page.locator("#find-item").focus()
    page.keyboard.type("lamps")
    page.wait_for_function("() => document.querySelector('#found-items li')?.innerText.startsWith('lamps')")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    second = page.locator("#found-items li").nth(1)
    assert second.get_attribute("aria-selected") == "true"
    assert page.locator("#find-item").get_attribute("aria-activedescendant") == second.get_attribute("id")
    name = second.inner_text().rpartition(" ")[0].rpartition(" ")[0]
    page.keyboard.press("Enter")
    assert name in page.locator("#basket").inner_text()
    wait_for_change(page, general)
    page.keyboard.type("a")
    page.wait_for_selector("#found-items:not([hidden])")
    page.keyboard.press("Escape")
    page.wait_for_selector("#found-items", state="hidden")
    page.locator("#results button").first.focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "Similar"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.wait_for_selector("#results .near li")


def test_a_user(server: Server, open_page: Open) -> None:
    """A user is found by the beginning of the id; what they have and what they are recommended is shown."""
    page = open_page(server).page
    before = wait_for_list(page)
    page.get_by_label("A user", exact=True).check()
    assert wait_for_change(page, before) == []
    page.locator("#find-user").fill("u1")
    page.wait_for_function("() => document.querySelectorAll('#found-users li').length === 10")
    page.locator("#found-users li", has_text="u13").click()
    wait_for_change(page, [])
    page.wait_for_selector("#history li")
    assert page.locator("#history li").count() == 5
    assert page.locator("#user-hint").inner_text() == "User u13 has 5 items:"
    expected = [row["title"] for row in server.recommend(user_id="u13").json["items"]]
    assert titles(page) == expected
    page.reload()
    page.wait_for_selector("#history li")
    assert wait_for_change(page, []) == expected


def test_words(server: Server, open_page: Open) -> None:
    """What is typed is answered as it is typed."""
    page = open_page(server).page
    before = wait_for_list(page)
    page.get_by_label("Some words", exact=True).check()
    assert wait_for_change(page, before) == []
    page.locator("#words").fill("lamps")
    found = wait_for_change(page, [])
    assert all(title.startswith("lamps") for title in found[:5])


def test_the_dials_and_filters(server: Server, open_page: Open) -> None:
    """Diversity mixes the list, a filter narrows it, its length follows, and an item can be left out and come back."""
    page = open_page(server).page
    general = wait_for_list(page)
    put(page, "books 3 ")
    plain = wait_for_change(page, general)
    page.locator("#diversity").fill("0.9")
    varied = wait_for_change(page, plain)
    assert len({title.split()[0] for title in varied}) > len({title.split()[0] for title in plain[:5]})
    assert page.locator("#diversity-value").inner_text() == "0.90"
    page.locator("#diversity").fill("0")
    assert wait_for_change(page, varied) == plain
    page.locator("#k").select_option("5")
    assert wait_for_change(page, plain) == plain[:5]
    page.get_by_role("button", name=f"Do not recommend {plain[0]}").click()
    without = wait_for_change(page, plain[:5])
    assert without[:4] == plain[1:5]
    page.locator("#undo").click()
    assert wait_for_change(page, without) == plain[:5]
    page.locator("#only").select_option(label="Acme")
    acme = wait_for_change(page, plain[:5])
    assert all(int(title.split()[1]) % 3 == 0 for title in acme)


def test_a_new_item_lands(server: Server, open_page: Open) -> None:
    """A typed item shows where it would land, is added, is raised by the dial, and goes when it is removed."""
    seen = open_page(server)
    page = seen.page
    general = wait_for_list(page)
    put(page, "shoes 0 ")
    before = wait_for_change(page, general)
    page.locator("input[name=title]").fill("shoes <img src=x onerror=alert(1)>")
    page.wait_for_selector("#near li")
    assert page.locator("#near-title").inner_text() == "Where it would land"
    assert page.locator("#near li").first.inner_text().startswith("shoes")
    page.get_by_role("button", name="Add it").click()
    page.wait_for_selector("#added li")
    assert page.locator("#near-title").inner_text().startswith("shoes <img")
    page.locator("#k").select_option("50")
    shown = wait_for_change(page, before)
    mine = next(title for title in shown if "<img" in title)
    page.locator("#exposure").fill("4")
    raised = wait_for_change(page, shown)
    assert raised.index(mine) < shown.index(mine)
    assert page.locator("#results li", has_text="<img").locator(".badge").inner_text() == "added"
    page.get_by_role("button", name="Remove shoes <img").click()
    gone = wait_for_change(page, raised)
    assert mine not in gone
    assert seen.messages == []


def test_what_goes_wrong_is_said(server: Server, open_page: Open) -> None:
    """An item that cannot be added says why, in the server's words."""
    page = open_page(server).page
    page.locator("#field-0").fill("i01")
    page.locator("input[name=title]").fill("tents")
    page.get_by_role("button", name="Add it").click()
    page.wait_for_function("() => document.querySelector('#new-status').innerText.includes('known from training')")


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (320, "light")])
def test_a_phone(server: Server, open_page: Open, width: int, scheme: str) -> None:
    """In a narrow window nothing is wider than it, buttons are as large as fingers, and dark is dark."""
    seen = open_page(server, width=width, scheme=scheme)
    page = seen.page
    wait_for_list(page)
    put(page, "tents 1 ")
    page.wait_for_selector("#basket li")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    heights = page.evaluate(
        "[...document.querySelectorAll('.moves button')].map(b => b.getBoundingClientRect().height)"
    )
    assert min(heights) >= 40
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/[0-9.]+/g).slice(0, 3).map(Number)")
    assert (max(paper) < 60) == (scheme == "dark")
    page.locator("#theme").click()
    switched = page.evaluate(
        "getComputedStyle(document.body).backgroundColor.match(/[0-9.]+/g).slice(0, 3).map(Number)"
    )
    assert (max(switched) < 60) != (scheme == "dark")


def test_the_token_is_asked_for(folder: Path, open_page: Open) -> None:
    """Where the server needs a token the page asks for it, a wrong one again, and then works."""
    running = start(folder / "model", folder / "log-token", "--read-only", LLMINIT_TOKEN="secret")
    try:
        page = open_page(running, wait=False).page
        page.wait_for_selector("#ask-token[open]")
        page.locator("#token").fill("guess")
        page.keyboard.press("Enter")
        page.wait_for_function("() => sessionStorage.getItem('token') === 'guess'")
        page.wait_for_selector("#ask-token[open]")
        page.locator("#token").fill("secret")
        page.keyboard.press("Enter")
        assert len(wait_for_list(page)) == 10
        assert not page.locator("#new").is_visible()
    finally:
        running.end(9)


def test_the_documentation_page(server: Server, open_page: Open) -> None:
    """It names every route with what can be sent, and loads nothing from elsewhere."""
    seen = open_page(server, "/docs")
    headings = seen.page.locator("h2").all_inner_texts()
    assert any("/recommend" in heading for heading in headings)
    assert any("/items/{item_id}/similar" in heading for heading in headings)
    assert "diversity" in seen.page.locator("section", has_text="/recommend").first.inner_text()
    assert seen.messages == []
    assert all(url.startswith((server.address, "data:")) for url in seen.requests)
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 1280
