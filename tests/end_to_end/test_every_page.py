"""What holds for every page: no accessibility fault, nothing from other hosts, nothing that the
Content-Security-Policy forbids, no sideways scrolling from 360 px up, and all of it in Russian.

Each page is looked at twice, in English and in Russian, in a real browser, with a LIVE going on.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from django.urls import URLPattern, URLResolver, get_resolver
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    expect,
)

from live.protocol.errors import ErrorCode
from standin import Failure, Room, TikTok, messages
from tests.support.browsing import add_person, http, post, sign_in, signed_in
from tests.support.lives import hear_in
from tests.support.overlays import make_overlay
from tests.support.phone import Phone
from tests.support.russian import english_words
from tests.support.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHONE, DESKTOP = {"width": 360, "height": 740}, {"width": 1280, "height": 800}
STREAMER = "everypage"
# Whose LIVE goes wrong.
TROUBLED = "troubled"
# People have names that are no English words, so that those are found.
OWNER, VIEWER = "начальница", "зритель"

Steps = Callable[[Page], Awaitable[object]]


async def _stay(page: Page) -> None:
    """The page is what its address shows."""


def _choose(action: str, button: str = "") -> Steps:
    """Choose the action for all accounts in the admin's list; `button` of the page that asks."""

    async def steps(page: Page) -> None:
        for box in await page.locator("input.action-select").all():
            await box.check()
        await page.locator("select[name=action]").select_option(action)
        await page.locator("button[name=index]").click()
        await page.locator(".submit-row").wait_for()
        if button:
            await page.locator(button).click()

    return steps


def _press(selector: str, **values: str) -> Steps:
    """Fill fields in, by their names, and press what the selector finds."""

    async def steps(page: Page) -> None:
        for name, value in values.items():
            await page.locator(f"[name={name}]").fill(value)
        await page.locator(selector).click()

    return steps


def _change(setting: str, selector: str, **values: str) -> Steps:
    """Open a setting of the account page, by its id; then as `_press`."""

    async def steps(page: Page) -> None:
        await page.locator(f"#{setting} > summary").click()
        await _press(selector, **values)(page)

    return steps


def _see(selector: str) -> Steps:
    """The page's script has got so far that this is there."""

    async def steps(page: Page) -> None:
        await page.locator(selector).first.wait_for()

    return steps


async def _issue_token(page: Page) -> None:
    """Open the form for a token, and send it. The light of the page then has its answer."""
    form = page.locator("form[action='/account/tokens/']")
    await page.locator("details:has(form[action='/account/tokens/']) > summary").click()
    await form.locator("button").click()
    await page.locator("#token-light:not([hidden])").wait_for()


def _search(words: str) -> Steps:
    """Look for something in the documentation; what was found is shown."""

    async def steps(page: Page) -> None:
        await page.locator("main").press("/")
        await page.keyboard.type(words)
        await page.locator("#found [role=option]").first.wait_for()

    return steps


async def _fail_at_once(page: Page) -> None:
    """Try a socket that fails, and look at why."""
    await page.locator("#try-button").click()
    await page.locator("#try-state[data-state=refused]").wait_for(timeout=20_000)
    await page.locator("#received .is-error summary").click()


async def _send(page: Page) -> None:
    """Try an operation of the REST API."""
    await page.locator("#get_account .send summary").click()
    await page.locator("#get_account .send button:not(.copy)").click()
    await page.locator("#get_account .send .snippet").wait_for()


async def _forge(page: Page) -> None:
    """Send the form as a page of another site would."""
    token = page.locator("main form [name=csrfmiddlewaretoken]")
    await token.evaluate("(field) => field.remove()")
    await _press("main form button", username="x", password="y")(page)
    await page.locator("main:not(:has(form))").wait_for()


async def _connect(page: Page) -> None:
    """The console, in the middle of a LIVE, with its settings of reading aloud open."""
    await expect(page.get_by_text("привет")).to_be_visible()
    await page.locator("button.tool[popovertarget=settings]").click()
    await page.locator("#aloud summary").click()


async def _preview(page: Page) -> None:
    """An overlay's form, whose preview is connected."""
    await expect(page.frame_locator("#preview").locator(".mark")).to_be_visible(timeout=20_000)


@dataclass(frozen=True)
class Shown:
    """A page that somebody may see.

    Attributes:
        name: of its address in the urlconf, "" for what has none.
        address: with the site's `facts` in braces.
        steps: from the address to the page.
        who: "boss", who may do everything; "viewer"; "" for somebody who is not signed in.
        is_reference: written for developers, with English names of the contract in its texts.
    """

    name: str
    address: str
    steps: Steps = _stay
    who: str = "boss"
    status: int = 200
    is_reference: bool = False
    id: str = field(default="", kw_only=True)


PAGES = {
    shown.id or shown.address: shown
    for shown in (
        Shown("login", "/login/", who=""),
        Shown("login", "/login/", _press("main form button", username="x", password="y"), who="",
              id="login refused"),
        Shown("login", "/login/", _forge, who="", status=403, id="form out of date"),
        Shown("reset-password", "/login/reset/", who=""),
        Shown("choose-password", "/login/reset/MQ/none/", who=""),
        Shown("home", "/", _connect),
        Shown("home", "/", _see("#welcome"), who="viewer",
              id="console of one who has no username"),
        Shown("account", "/account/"),
        Shown("account", "/account/", who="viewer", id="account of one who has no username"),
        Shown("change-username", "/account/",
              _change("username", "form[action='/account/username/'] button:not([type=button])",
                      tiktok_username="no such"), id="username refused"),
        Shown("change-email", "/account/",
              _change("email", "form[action='/account/email/'] button", email="no email"),
              id="email refused"),
        Shown("change-api-key", "/account/",
              _change("api-key", "form[action='/account/api-key/'] button >> nth=0",
                      new_sign_api_key="ключ с пробелами"), id="API key refused"),
        Shown("change-proxy", "/account/",
              _change("proxy", "form[action='/account/proxy/'] button >> nth=0",
                      new_proxy="no proxy"),
              id="proxy refused"),
        Shown("issue-token", "/account/", _issue_token, id="token issued"),
        Shown("revoke-token", "/account/tokens/{token}/revoke/"),
        Shown("change-password", "/account/password/"),
        Shown("overlays", "/overlays/"),
        Shown("overlays", "/overlays/", who="viewer", id="overlays of one who has no username"),
        Shown("new-overlay", "/overlays/new/alerts/", _preview),
        Shown("new-overlay", "/overlays/new/goal/",
              _press(".options .actions button", target="0"), id="overlay refused"),
        Shown("overlay", "/overlays/{overlay}/", _preview),
        Shown("delete-overlay", "/overlays/{overlay}/delete/"),
        Shown("admin:overlays_overlay_changelist", "/admin/overlays/overlay/"),
        Shown("admin:overlays_overlay_change", "/admin/overlays/overlay/{overlay}/change/"),
        Shown("aloud", "/aloud/", _see("#voices-said:not([hidden])")),
        Shown("upload-sound", "/aloud/",
              _press("form[action='/aloud/sounds/'] button"), id="sound refused"),
        Shown("lives", "/lives/"),
        Shown("lives", "/lives/", who="viewer", id="no LIVEs"),
        Shown("live", "/lives/{live}/", _see("#recap[data-state=ready]")),
        Shown("live", "/lives/{live}/?q=привет#transcript", _see(".lines li"),
              id="transcript searched"),
        Shown("all-lives", "/staff/lives/"),
        Shown("all-lives", "/staff/lives/?username=?", _see(".errorlist"),
              id="LIVEs of no username"),
        Shown("staff", "/staff/", _see("#link-state.open")),
        Shown("affected", "/staff/accounts/", _see(".accounts .tag.bad, .accounts .tag.calm")),
        Shown("affected", "/staff/accounts/?q=?", _see("main .empty"), id="nobody affected"),
        Shown("stream", f"/staff/streams/{STREAMER}/", _see("#viewers-chart canvas")),
        Shown("stream", f"/staff/streams/{TROUBLED}/", _see("#health li"), id="troubled stream"),
        Shown("stream-test", f"/staff/streams/{STREAMER}/",
              _press(f"form[action='/staff/streams/{STREAMER}/test/'] button"),
              id="stream tested"),
        Shown("connections", "/staff/connections/", _see("#live-updates")),
        Shown("connections", "/staff/connections/?error=user_offline&username=nobody",
              _see("#rows > .empty"), id="no connections"),
        Shown("connections", "/staff/connections/?account=nobody", _see("#rows > .error"),
              id="connections of no account"),
        Shown("connection", "/staff/connections/{failed}/", id="failed connection"),
        Shown("connection", "/staff/connections/{open}/", id="open connection"),
        Shown("webhooks", "/webhooks/"),
        Shown("webhooks", "/webhooks/", who="viewer", id="no webhooks"),
        Shown("add-webhook", "/webhooks/new/"),
        Shown("add-webhook", "/webhooks/new/",
              _press("main form button", address="http://127.0.0.1/"), id="webhook refused"),
        Shown("renew-webhook-secret", "/webhooks/{webhook}/secret/"),
        Shown("renew-webhook-secret", "/webhooks/{webhook}/secret/", _press("main form button"),
              id="webhook's secret"),
        Shown("webhook", "/webhooks/{webhook}/", _press(".deliveries summary")),
        Shown("change-webhook", "/webhooks/{webhook}/change/"),
        Shown("delete-webhook", "/webhooks/{webhook}/delete/"),
        Shown("admin:history_live_changelist", "/admin/history/live/"),
        Shown("admin:history_live_change", "/admin/history/live/{live}/change/"),
        Shown("admin:webhooks_webhook_changelist", "/admin/webhooks/webhook/"),
        Shown("admin:webhooks_webhook_change", "/admin/webhooks/webhook/{webhook}/change/"),
        Shown("docs", "/docs/", _see("[role=tab]")),
        Shown("docs-reference", "/docs/reference/", _search("gift"), is_reference=True),
        Shown("docs-try", "/docs/try/?fail=rate_limited", _fail_at_once),
        Shown("docs-guide", "/docs/mobile/", is_reference=True),
        Shown("docs-guide", "/docs/overlays/", who="", is_reference=True),
        Shown("api-1:openapi-view", "/api/v1/docs", _send, is_reference=True),
        Shown("", "/nowhere/", status=404),
        Shown("connection", "/staff/connections/{broken}/", status=500, id="server error"),
        Shown("staff", "/staff/", who="viewer", status=403, id="forbidden"),
        Shown("admin:login", "/admin/login/", who=""),
        Shown("admin:index", "/admin/"),
        Shown("admin:app_list", "/admin/accounts/"),
        Shown("admin:accounts_user_changelist", "/admin/accounts/user/"),
        Shown("admin:accounts_user_add", "/admin/accounts/user/add/"),
        Shown("admin:accounts_user_change", "/admin/accounts/user/{boss}/change/"),
        Shown("admin:accounts_user_history", "/admin/accounts/user/{viewer}/history/"),
        Shown("admin:accounts_user_delete", "/admin/accounts/user/{viewer}/delete/"),
        Shown("admin:auth_user_password_change", "/admin/accounts/user/{viewer}/password/"),
        Shown("admin:accounts_user_issue_token", "/admin/accounts/user/{viewer}/tokens/issue/"),
        Shown("admin:accounts_user_issue_token", "/admin/accounts/user/{viewer}/tokens/issue/",
              _press(".submit-row [type=submit]", label="телефон"),
              id="token issued by the admin"),
        Shown("admin:accounts_user_revoke_token",
              "/admin/accounts/user/{boss}/tokens/{token}/revoke/"),
        Shown("admin:accounts_user_changelist", "/admin/accounts/user/", _choose("issue_tokens"),
              id="issue tokens?"),
        Shown("admin:accounts_user_changelist", "/admin/accounts/user/",
              _choose("issue_tokens", ".submit-row [type=submit]"), id="tokens issued"),
        Shown("admin:accounts_user_changelist", "/admin/accounts/user/", _choose("revoke_tokens"),
              id="revoke tokens?"),
        Shown("admin:accounts_user_changelist", "/admin/accounts/user/", _choose("disable"),
              id="disable?"),
        Shown("admin:live_connectionlog_changelist", "/admin/live/connectionlog/"),
        Shown("admin:live_connectionlog_change", "/admin/live/connectionlog/{failed}/change/"),
        Shown("admin:password_change", "/admin/password_change/"),
    )
}  # fmt: skip
TRANSLATED = [name for name, shown in PAGES.items() if not shown.is_reference]
# Addresses that show no page of their own: they answer scripts, or lead elsewhere.
NO_PAGES = {
    "parts",  # for developers, where DEBUG is on
    "logout",
    "set_language",
    "jsi18n",
    "picture",
    "manifest",
    "console-token",
    "aloud-settings",
    "aloud-volume",
    "aloud-sound",
    "delete-sound",
    "overlay-aloud",
    "overlay-sound",
    "overlay-texts",
    # Transparent, for OBS: tests/end_to_end/test_overlays.py looks at them.
    "shown-overlay",
    "overlay-preview",
    "overlay-sums",
    "overlay-picture",
    "overlay-state",
    "test-overlay",
    "renew-overlay",
    "is-live",
    "token-state",
    "check-username",
    "change-language",
    "change-transcripts",
    "last-live",
    "last-recap",
    "live-csv",
    "live-json",
    "live-recap",
    "change-watching",
    "staff-history",
    "streams",
    "stream-reconnect",
    "stream-disconnect",
    "connections-csv",
    "docs-asyncapi",
    "docs-search",
    "docs-picture",
    "docs-schema",
    "switch-webhook",
    "test-webhook",
    "send-again",
}


# --- The site ------------------------------------------------------------------------------------


class Site:
    """A server with accounts, LIVEs that phones listen to, one of which has had its troubles, and
    connections that failed.

    Attributes:
        facts: what stands in addresses.
        signed_in: the browser's cookies, by who is signed in.
    """

    def __init__(self, server: Server, facts: Mapping[str, int]) -> None:
        self.server = server
        self.facts = facts
        self.address = http(server)
        self.signed_in: dict[str, Any] = {"": None}
        self._looks: dict[str, Look] = {}

    async def open(self, browser: Browser, shown: Shown, language: str) -> BrowserContext:
        """A window for the page's visitor."""
        context = await browser.new_context(
            viewport=PHONE,  # type: ignore[arg-type]
            storage_state=self.signed_in[shown.who],
            base_url=self.address,
            locale=language,
            reduced_motion="reduce",
        )
        cookie = {"name": "django_language", "value": language, "url": self.address}
        await context.add_cookies([cookie])  # type: ignore[list-item]
        return context

    async def go_to(self, page: Page, shown: Shown) -> Response:
        """Go there; the answer is that of the page itself."""
        answers: list[Response] = []
        page.on(
            "response",
            lambda response: answers.append(response) if is_page(response) else None,
        )
        await page.goto(shown.address.format_map(self.facts), wait_until="load")
        await shown.steps(page)
        await page.wait_for_load_state("load")
        return answers[-1]

    async def look(self, browser: Browser, id: str) -> Look:
        """The page in English, looked at once however many tests ask."""
        if id not in self._looks:
            self._looks[id] = await _look(self, browser, PAGES[id])
        return self._looks[id]


def is_page(response: Response) -> bool:
    return response.request.is_navigation_request()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(
    tiktok: TikTok, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    settings = {
        **tiktok.environment(),
        "RELAY_TEST_ENDPOINT": "always",
        "RELAY_PICTURE_HOSTS": tiktok.url,
        "RELAY_OWN_PROXIES": "on",
        "SOURCE_URL": "https://source.example/relay",
        "EMAIL_URL": "smtp://mail.example",
    }
    server = Server("uvicorn", tmp_path_factory.mktemp("every_page"), settings)
    await server.start()
    boss = await add_person(server, OWNER, STREAMER, "--staff")
    tiktok.go_live(TROUBLED)
    neighbour = await server.add_account("сосед", TROUBLED)
    server.execute(
        "UPDATE accounts_user SET is_superuser = 1, keeps_transcripts = 1 WHERE id = ?",
        boss.user_id,
    )
    live = await hear_in(server, STREAMER, tiktok.pictures, 2, "russian")
    viewer = await add_person(server, VIEWER)
    room = tiktok.go_live(STREAMER)
    async with (
        Phone(f"{server.address}/ws/{boss.token}") as phone,
        Phone(f"{server.address}/ws/{neighbour.token}") as troubled,
    ):
        await phone.until_type("connected")
        await troubled.until_type("connected")
        with messages.pictures_at(tiktok.pictures):
            await room.push(
                messages.chat("зритель7", "привет", language="ru"),
                messages.gift("зритель7", "Роза"),
                messages.like("зритель7"),
                messages.follow("зритель7"),
                messages.join("зритель7"),
            )
        await phone.until_type("join")
        await _trouble(tiktok.room(TROUBLED), troubled)
        failed = await _fail(server, tiktok)
        broken = _break(server, failed)
        overlay, _secret = await make_overlay(server, OWNER, "alerts", name="Оповещения")
        token = server.execute("SELECT id FROM accounts_accesstoken WHERE user_id = ?",
                               boss.user_id)[0]["id"]  # fmt: skip
        opened = server.execute("SELECT id FROM live_connectionlog WHERE closed_at IS NULL")
        facts = {
            "boss": boss.user_id,
            "viewer": viewer.user_id,
            "token": token,
            "overlay": overlay,
            "open": opened[0]["id"],
            "failed": failed,
            "broken": broken,
            "live": live,
            "webhook": await _add_webhook(server),
        }
        site = Site(server, facts)
        for who, name in (("boss", OWNER), ("viewer", VIEWER)):
            context = await browser.new_context(locale="en")
            await sign_in(await context.new_page(), server, name)
            site.signed_in[who] = await context.storage_state()
            await context.close()
        yield site
    await server.stop()


async def _add_webhook(server: Server) -> int:
    """Add one whose host is not known, and have a test sent there. Returns its primary key."""
    values = {
        "name": "программа",
        "address": "https://hooks.invalid/key",
        "events": "gift",
        "least_diamonds": "5",
    }
    async with signed_in(server, OWNER) as browser:
        await post(browser, "/webhooks/new/", **values)
        [hook] = server.execute("SELECT id FROM webhooks_webhook")
        await post(browser, f"/webhooks/{hook['id']}/test/")
    async with asyncio.timeout(30):
        while not server.execute("SELECT id FROM webhooks_delivery WHERE attempts > 0"):
            await asyncio.sleep(0.1)
    return int(hook["id"])


async def _trouble(room: Room, phone: Phone) -> None:
    """TikTok sends what is not as expected, and cuts the stream off, which comes back."""
    await room.push(
        messages.Message("WebcastNovelty", b"\x08\x01", 1),
        messages.Message("WebcastChatMessage", b"\xff", 2),
        *(messages.chat("зритель7", "") for _ in range(40)),
    )
    await phone.events(40)
    await room.cut()
    for state in ("reconnecting", "live"):
        await phone.until(lambda frame, state=state: frame["data"].get("state") == state)  # type: ignore[misc]


async def _fail(server: Server, tiktok: TikTok) -> int:
    """Two connections that failed, the second with the sign server's limit, which is over in an
    hour; returns the first one's number in the log."""
    tiktok.room("offline")
    tiktok.go_live("limited").fail(Failure.SIGN_429, reset_in=3600)
    rows = []
    for name, username in (("соседка", "offline"), ("кузина", "limited")):
        account = await server.add_account(name, username)
        async with Phone(f"{server.address}/ws/{account.token}") as phone:
            await phone.explanation()
        rows.append(await server.closed_row(account))
    return int(rows[0]["id"])


def _break(server: Server, row_id: int) -> int:
    """A copy of the log's row as no relay writes it; returns its number."""
    row = server.execute("SELECT * FROM live_connectionlog WHERE id = ?", row_id)[0]
    row = {**row, "id": row_id + 1000, "timeline": "[[]]"}
    columns, values = ", ".join(row), ", ".join("?" * len(row))
    server.execute(f"INSERT INTO live_connectionlog ({columns}) VALUES ({values})", *row.values())
    return int(row["id"])


# --- What is seen --------------------------------------------------------------------------------


@dataclass
class Look:
    """What was seen of a page in English.

    Attributes:
        foreign: addresses on other hosts that it asked for.
        policy: the Content-Security-Policy that it came with.
        complaints: errors and warnings in the browser's console.
        forbidden: what the policy kept from happening.
        too_wide: by window width, how many pixels of the page stand out.
        faults: what axe-core found, by colour scheme.
    """

    status: int
    policy: str
    foreign: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    forbidden: list[Any] = field(default_factory=list)
    too_wide: dict[int, int] = field(default_factory=dict)
    faults: dict[str, list[str]] = field(default_factory=dict)
    language: str = ""
    title: str = ""
    headings: list[str] = field(default_factory=list)


# Before any script of the page.
_WATCH = """
window.forbidden = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.forbidden.push(
    `${event.effectiveDirective}: ${event.blockedURI} in ${event.sourceFile}:${event.lineNumber}`);
});
"""
_PAINTED = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
_TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"

# What can differ between light and dark.
_OF_COLOURS = ("color-contrast", "link-in-text-block")

# Faults in the markup of others that we can't mend: the page, the rule, and where.
NOT_OURS = {
    # Django's tables of inlines have a column for the box to delete a row, here without boxes.
    "/admin/accounts/user/{boss}/change/": [("empty-table-header", r"^<th></th>$")],
    # Django's search box, where it has a help text, and its link "Show all" beside it.
    "/admin/history/live/": [
        ("label-title-only", "searchbar"),
        ("link-in-text-block", r'^<a href="\?">'),
    ],
}


async def _look(site: Site, browser: Browser, shown: Shown) -> Look:
    context = await site.open(browser, shown, "en")
    foreign: list[str] = []
    complaints: list[str] = []

    def note(request: Request) -> None:
        if not request.url.startswith((site.address, "data:", "blob:")):
            foreign.append(request.url)

    def hear(said: ConsoleMessage) -> None:
        if said.type in {"error", "warning", "assert"}:
            complaints.append(f"{said.text} ({said.location['url']})")

    context.on("request", note)
    context.on("console", hear)
    context.on("weberror", lambda thrown: complaints.append(str(thrown.error)))
    page = await context.new_page()
    await page.add_init_script(_WATCH)
    response = await site.go_to(page, shown)
    policy = await response.header_value("Content-Security-Policy") or ""
    look = Look(response.status, policy)
    # What came to be seen last has been painted.
    await page.evaluate(_PAINTED)
    # Of the page itself: what looks at it from here on may be heard, too.
    look.foreign, look.complaints = [*foreign], [*complaints]
    look.forbidden = await page.evaluate("window.forbidden")
    look.language = await page.evaluate("document.documentElement.lang")
    look.title = await page.title()
    look.headings = await page.locator("h1:visible").all_inner_texts()
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        # The admin fades from one colour to the other.
        await page.evaluate("Promise.all(document.getAnimations().map(({ finished }) => finished))")
        look.faults[scheme] = await _faults(page, shown, _OF_COLOURS if scheme == "dark" else None)
    for size in (PHONE, DESKTOP):
        await page.set_viewport_size(size)  # type: ignore[arg-type]
        look.too_wide[size["width"]] = await page.evaluate(_TOO_WIDE)
    await context.close()
    return look


async def _faults(page: Page, shown: Shown, rules: Sequence[str] | None = None) -> list[str]:
    """What axe-core finds by the rules; None for all that there are."""
    options: dict[str, Any] = {"resultTypes": ["violations"], "preload": False}
    if rules is not None:
        options["runOnly"] = {"type": "rule", "values": rules}
    results = await Axe().run(page, options=options)
    excused = NOT_OURS.get(shown.address, [])
    return [
        f"{fault['id']}: {fault['help']}: {node['target']} {node['html'][:200]}"
        for fault in results.response["violations"]
        for node in fault["nodes"]
        if not any(
            rule == fault["id"] and re.search(place, node["html"]) for rule, place in excused
        )
    ]


@pytest.mark.parametrize("id", PAGES)
class TestEveryPage:
    async def test_every_page_has_a_status_a_language_a_title_and_one_heading(
        self, site: Site, browser: Browser, id: str
    ) -> None:
        look = await site.look(browser, id)
        assert look.status == PAGES[id].status
        assert look.language == "en"
        assert look.title
        assert len(look.headings) == 1

    async def test_it_has_no_accessibility_fault(
        self, site: Site, browser: Browser, id: str
    ) -> None:
        look = await site.look(browser, id)
        assert look.faults == {"light": [], "dark": []}

    async def test_it_loads_nothing_from_other_hosts(
        self, site: Site, browser: Browser, id: str
    ) -> None:
        assert (await site.look(browser, id)).foreign == []

    async def test_it_has_a_strict_policy_and_keeps_to_it(
        self, site: Site, browser: Browser, id: str
    ) -> None:
        look = await site.look(browser, id)
        assert "default-src 'none'" in look.policy
        assert "unsafe" not in look.policy
        assert "http" not in look.policy
        assert look.forbidden == []

    async def test_it_makes_the_browser_complain_of_nothing(
        self, site: Site, browser: Browser, id: str
    ) -> None:
        complaints = (await site.look(browser, id)).complaints
        if PAGES[id].status != 200:
            [complaint] = complaints  # which says just that
            assert f"status of {PAGES[id].status}" in complaint
        else:
            assert complaints == []

    async def test_it_fits_phones_and_desktops(self, site: Site, browser: Browser, id: str) -> None:
        assert (await site.look(browser, id)).too_wide == {360: 0, 1280: 0}


class TestNavigation:
    @pytest.mark.parametrize("id", ["/account/", "/overlays/new/alerts/"])
    async def test_on_a_phone_it_is_one_line_with_a_menu_that_marks_where_one_is(
        self, site: Site, browser: Browser, id: str
    ) -> None:
        context = await site.open(browser, PAGES[id], "ru")
        try:
            page = await context.new_page()
            await site.go_to(page, PAGES[id])
            header = await page.locator(".site-header").bounding_box()
            assert header is not None
            assert header["height"] <= 56
            link = page.locator(".site-header nav [aria-current]")
            await expect(link).to_be_hidden()
            await page.locator(".menu-button").press("Enter")
            await expect(link).to_be_in_viewport(ratio=1)
            await page.keyboard.press("Escape")
            await expect(link).to_be_hidden()
        finally:
            await context.close()


class TestTheList:
    async def test_it_has_every_page(self) -> None:
        """A page that is new must be added to `PAGES`, or to `NO_PAGES`."""
        known = {shown.name for shown in PAGES.values()} | NO_PAGES
        assert set(_names(get_resolver().url_patterns)) - known == set()


def _names(patterns: list[URLPattern | URLResolver]) -> Iterator[str]:
    """Of all addresses of ours; the admin's and the API's are their own."""
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            yield pattern.name or str(pattern.pattern)
        elif pattern.namespace is None:
            yield from _names(pattern.url_patterns)


# --- In Russian ----------------------------------------------------------------------------------

# All that is read, or read aloud; without code, data, and what is marked as another language.
_TEXTS = """
() => {
  const skipped = "code, pre, kbd, samp, script, style, template, textarea, [translate=no],"
    + " [lang]:not(:lang(ru)),"
    // The log's events, as they are in the log.
    + " #events .type, #events .text,"
    // What TikTok and other libraries said.
    + " q.said, dd.said,"
    // What Django leaves in English: names of hashes and of icons, a help text.
    + " #id_password,"
    + " :has(> .flex-container [name=usable_password]) > .help,"
    + " img[alt=True], img[alt=False], img[alt=Search]";
  const texts = [document.title];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (parent.localName === "option" && parent.value === parent.text) continue;
    if (!parent.closest(skipped)) texts.push(walker.currentNode.data);
  }
  for (const element of document.querySelectorAll("body *")) {
    if (element.closest(skipped)) continue;
    for (const name of ["aria-label", "aria-description", "title", "placeholder", "alt"]) {
      if (element.hasAttribute(name)) texts.push(element.getAttribute(name));
    }
    if (["submit", "button", "reset"].includes(element.type) && element.value && !element.name) {
      texts.push(element.value);
    }
  }
  return texts.map((text) => text.trim()).filter(Boolean);
}
"""
# What programs and people wrote: usernames, addresses, codes, what TikTok said, who asked.
_DATA = re.compile(
    rf"@[\w.]+|({STREAMER}|{TROUBLED}) is live|(?i:{STREAMER}|{TROUBLED})|\b(offline|limited)\b|Webcast\w+|TikTokLive|\b(ASCII|cookie)\b|\w+://\S+|(?<!\w)/[\w/?=.]+"
    rf"|\b({'|'.join(ErrorCode)})\b|\w+Error\b.*|Python/.* websockets/.*",
)


class TestRussian:
    @pytest.mark.parametrize("id", TRANSLATED)
    async def test_the_russian_pages_have_no_english_words(
        self, site: Site, browser: Browser, id: str
    ) -> None:
        shown = PAGES[id]
        context = await site.open(browser, shown, "ru")
        page = await context.new_page()
        await site.go_to(page, shown)
        assert await page.evaluate("document.documentElement.lang") == "ru"
        texts = await page.evaluate(_TEXTS)
        await context.close()
        for table in ("accounts_accesstoken", "overlays_overlay"):
            for row in site.server.execute(f"SELECT prefix FROM {table}"):
                texts = [text.replace(row["prefix"], "") for text in texts]
        english = [text for text in texts if english_words(_DATA.sub("", text))]
        assert english == []
