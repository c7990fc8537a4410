"""Overlays in a real browser, under far more events than a LIVE has: do they stay smooth?

Each kind is opened as OBS opens it, and gets 500 events a second of its own types from a socket
that is played in the page, so that what is measured is the page alone: reading frames, counting,
drawing. The frame rate is that of the page's own animation frames, beside that of an empty page in
the same run. What the main thread does is Chromium's own count, in wall time. The heap is measured
after a collection of garbage, at the start, in the middle and at the end: it must not grow.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.results import Options, Row

__all__ = ["run"]

_RATE = 500
_SECONDS, _QUICK_SECONDS = 60, 6
_WARM_UP = 3.0
_LONGEST_REFERENCE = 10.0
# A page that keeps up has nearly as many frames as an empty one.
_GOAL = 0.97
# By how much the heap may differ from the middle to the end, in bytes: what waits to be drawn.
_GROWTH = 1_000_000
_SIZE = {"width": 1080, "height": 1920}

# In the place of the browser's WebSocket: greets, then plays events, and never ends.
_SOCKET = """
(() => {
  const [types, rate] = [TYPES, RATE];
  const user = (n) => ({
    id: `user-${n % 400}`, username: `user${n % 400}`, nickname: `Viewer ${n % 400}`,
    avatar: "", avatar_large: "", verified: false,
    badges: { moderator: n % 9 === 0, subscriber: n % 7 === 0 },
  });
  const gifts = [["Rose", 1], ["Finger Heart", 5], ["Doughnut", 30], ["Galaxy", 1000]];
  let n = 0;
  function data(type) {
    const text = `comment ${n}, as long as most are`;
    if (type === "comment") return { user: user(n), text, emotes: [], mentions: [] };
    if (type === "like") return { user: user(n), count: 15, total: n * 15 };
    if (type === "viewers") return { count: 1000 + (n % 50), total: n, top: [] };
    if (type === "delete") return { message_ids: [String(n - 3)], user_ids: [] };
    if (type !== "gift") return { user: user(n), kind: "new" };
    const [name, diamonds] = gifts[n % 97 === 0 ? 3 : n % 3];
    const [count, group] = [1 + (n % 5), Math.floor(n / 5)];
    return {
      user: user(group), gift: { id: name, name, diamonds, image: "", streakable: true },
      count, streak: count === 5 ? "ended" : "ongoing", group_id: String(group),
      diamonds_total: diamonds * count,
    };
  }
  const snapshot = { viewers: 1, likes: 0, gifts: [], top: [], comments: [] };
  const connected = {
    username: "bench", room_id: "1", cursor: "bench-0", resumed: false, snapshot,
  };
  window.events = 0;
  window.WebSocket = class {
    constructor() {
      const say = (frame) => this.onmessage?.({ data: JSON.stringify(frame) });
      setTimeout(() => {
        this.onopen?.({});
        say({ type: "connected", ts: Date.now(), data: connected });
        const began = performance.now();
        setInterval(() => {
          const due = Math.floor(((performance.now() - began) / 1000) * rate);
          for (; n < due; n += 1) {
            const type = types[n % types.length];
            const [cursor, id] = [`bench-${n + 1}`, String(n)];
            say({ type, cursor, ts: Date.now(), id, data: data(type) });
            window.events += 1;
          }
        }, 10);
      }, 50);
    }
    send() {}
    close() {}
  };
})();
"""
# One overlay of each kind, as it is without a choice.
_MAKE_ALL = """
import json
from accounts.models import User
from live.overlays.models import KINDS, Overlay
made = (Overlay.objects.create(account=User.objects.get(), kind=kind, name=kind) for kind in KINDS)
print(json.dumps({overlay.kind: overlay.secret for overlay in made}))
"""
# Counts animation frames without keeping them.
_FRAMES = """
window.frames60 = { count: 0, late: 0, longest: 0, began: performance.now() };
(() => {
  let before = performance.now();
  requestAnimationFrame(function step(now) {
    const seen = window.frames60;
    const took = now - before;
    before = now;
    seen.count += 1;
    if (took > 34) seen.late += 1;
    seen.longest = Math.max(seen.longest, took);
    requestAnimationFrame(step);
  });
})();
"""
_RESET = "frames60 = { count: 0, late: 0, longest: 0, began: performance.now() }"
_READ = (
    "({ ...frames60, seconds: (performance.now() - frames60.began) / 1000, events: window.events })"
)


def run(options: Options) -> list[Row]:
    import django

    django.setup()
    from live.overlays.kinds import KINDS

    if unknown := set(options.kinds) - KINDS.keys():
        raise ValueError(f"no kinds of overlays: {', '.join(sorted(unknown))}")
    seconds = options.minutes * 60 or options.of(_SECONDS, _QUICK_SECONDS)
    return asyncio.run(_run(seconds, options.kinds or [*KINDS]))


async def _run(seconds: float, kinds: Sequence[str]) -> list[Row]:
    from playwright.async_api import async_playwright

    from live.overlays.kinds import KINDS
    from tests.support.browsing import http
    from tests.support.chromium import CHROMIUM, CHROMIUM_ARGUMENTS
    from tests.support.server import Server

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        server = Server("uvicorn", Path(folder), {"PYTHONASYNCIODEBUG": ""})
        await server.start()
        try:
            await server.add_account("bench", "bench.live")
            secrets = json.loads(await server.manage("shell", "--no-imports", "-c", _MAKE_ALL))
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(
                    executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS
                )
                for kind in kinds:
                    types = sorted(map(str, KINDS[kind].types))
                    script = _SOCKET.replace("TYPES", str(types))
                    measured = await _measure(
                        browser,
                        f"{http(server)}/overlay/{secrets[kind]}/",
                        script.replace("RATE", str(_RATE)),
                        seconds,
                    )
                    rows.append(_row(kind, measured))
                await browser.close()
        finally:
            await server.stop()
    return rows


async def _measure(browser: Any, address: str, socket: str, seconds: float) -> dict[str, Any]:
    context = await browser.new_context(viewport=_SIZE)
    empty = await context.new_page()
    await empty.goto(address.partition("/overlay/")[0] + "/healthz")
    await empty.evaluate(_FRAMES)
    await asyncio.sleep(min(max(2, seconds / 6), _LONGEST_REFERENCE))
    reference = await empty.evaluate(_READ)
    await empty.close()
    page = await context.new_page()
    await page.add_init_script(socket)
    await page.goto(address)
    await page.evaluate(_FRAMES)
    client = await context.new_cdp_session(page)
    await client.send("Performance.enable")
    await asyncio.sleep(_WARM_UP)
    heaps, nodes = [await _heap(client)], [await _nodes(client)]
    busy = -await _busy(client)
    await page.evaluate(_RESET)
    before = await page.evaluate("window.events")
    frames = {"count": 0, "late": 0, "longest": 0.0, "seconds": 0.0}
    for _half in range(2):
        await asyncio.sleep(seconds / 2)
        half = await page.evaluate(_READ)
        frames = {
            "count": frames["count"] + half["count"],
            "late": frames["late"] + half["late"],
            "longest": max(frames["longest"], half["longest"]),
            "seconds": frames["seconds"] + half["seconds"],
        }
        events = half["events"] - before
        heaps.append(await _heap(client))
        nodes.append(await _nodes(client))
        await page.evaluate(_RESET)  # the collection of garbage took its time
    busy += await _busy(client)
    await context.close()
    return {
        "fps": frames["count"] / frames["seconds"],
        "empty_fps": reference["count"] / reference["seconds"],
        "late": frames["late"],
        "longest_ms": frames["longest"],
        "events_per_second": events / frames["seconds"],
        "main_thread": busy / frames["seconds"],
        "heap_bytes": heaps,
        "dom_nodes": nodes,
    }


async def _heap(client: Any) -> int:
    await client.send("HeapProfiler.collectGarbage")
    return int((await client.send("Runtime.getHeapUsage"))["usedSize"])


async def _nodes(client: Any) -> int:
    return int((await client.send("Memory.getDOMCounters"))["nodes"])


async def _busy(client: Any) -> float:
    metrics = (await client.send("Performance.getMetrics"))["metrics"]
    return float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))


def _row(kind: str, measured: dict[str, Any]) -> Row:
    ratio = measured["fps"] / measured["empty_fps"]
    heaps = measured["heap_bytes"]
    shown = " → ".join(f"{heap / 1e6:.2f}" for heap in heaps)
    return Row(
        what=f"overlay {kind}, {measured['events_per_second']:.0f} events/s",
        relay=f"{measured['fps']:.1f} frames/s",
        reference=f"{measured['empty_fps']:.1f} frames/s (an empty page)",
        ratio=f"{ratio:.2f}",
        goal=f"≥ {_GOAL:g}, heap flat",
        met=ratio >= _GOAL and heaps[-1] - heaps[1] < _GROWTH,
        figures=measured,
        notes=(
            f"heap {shown} MB, DOM nodes {' → '.join(map(str, measured['dom_nodes']))}, "
            f"main thread {measured['main_thread']:.0%} busy, {measured['late']} frames late, "
            f"the longest after {measured['longest_ms']:.0f} ms",
        ),
    )
