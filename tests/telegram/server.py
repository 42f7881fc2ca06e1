"""The HTTP side: a server in a thread of its own, on a free port of this machine."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import aiohttp
from aiogram.methods import GetUpdates
from aiohttp import web

from tests.telegram import answers, asking, sending
from tests.telegram.calls import Call, misread, read
from tests.telegram.faults import BadGateway, Cut, Kind, Slow
from tests.telegram.files import MEGABYTE
from tests.telegram.refusals import Refusal, flood
from tests.telegram.world import Telegram

_LARGEST_BODY = (
    60 * MEGABYTE
)  # a little over what one file may have, so that rules.py says no, not the server
_WEBHOOK_PAUSE = (
    0.05  # seconds before a refused update is brought again; Telegram itself waits longer and longer
)
_GATEWAY = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
_REGISTERED = (asking, sending)  # importing them is what makes methods answer


@contextmanager
def telegram() -> Iterator[Telegram]:
    """Run a Telegram of one's own; its state lives in this process, whatever happens to the bots."""
    server = _Server(Telegram())
    thread = threading.Thread(target=server.run, name="telegram", daemon=True)
    thread.start()
    server.started.wait()
    try:
        yield server.telegram
    finally:
        server.stop()
        thread.join()


class _Server:
    def __init__(self, state: Telegram) -> None:
        self.telegram = state
        self.started = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._news = asyncio.Event()

    def run(self) -> None:
        """Serve until stopped."""
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    def stop(self) -> None:
        """End it; whoever still polls is cut off."""
        self._loop.call_soon_threadsafe(self._over.set)

    async def _serve(self) -> None:
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.router.add_route("*", "/bot{token}/{method}", self._answer)
        app.router.add_get("/file/bot{token}/{path:.+}", self._file)
        runner = web.AppRunner(app, shutdown_timeout=0.01, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.telegram.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self.telegram.updates.bell = self._ring
        courier = asyncio.create_task(self._bring())
        self.started.set()
        await self._over.wait()
        courier.cancel()
        await runner.cleanup()

    def _ring(self) -> None:
        with suppress(RuntimeError):  # a test that goes on after the server stopped
            self._loop.call_soon_threadsafe(self._rung)

    def _rung(self) -> None:
        self._news.set()
        self.telegram.updates.rung()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a call; every one of them is written down, whatever becomes of it."""
        if request.match_info["token"] != self.telegram.token:
            return _refused(Refusal(401, "Unauthorized"))
        try:
            call = await read(request, self.telegram.now())
        except Refusal as refusal:
            self._note(misread(request, self.telegram.now(), refusal))
            return _refused(refusal)
        except web.HTTPRequestEntityTooLarge:
            return _refused(Refusal(413, "Request Entity Too Large"))
        self._note(call)
        chat_id = call.chat_id if isinstance(call.chat_id, int) else None
        call.fault = kind = self.telegram.faults.of(call.method, chat_id)
        return await _with_fault(request, kind, lambda: self._effect(call))

    def _note(self, call: Call) -> None:
        with self.telegram.changed:
            self.telegram.calls.append(call)
            self.telegram.changed.notify_all()

    async def _effect(self, call: Call) -> web.StreamResponse:
        try:
            result = await self._result(call)
        except Refusal as refusal:
            self._ended(call, refusal.code, refusal.description)
            return _refused(refusal)
        self._ended(call, 200, result=result)
        return web.json_response({"ok": True, "result": result})

    def _ended(self, call: Call, code: int, description: str = "", result: Any = None) -> None:
        with self.telegram.changed:
            call.code, call.description, call.result = code, description, result
            self.telegram.changed.notify_all()

    async def _result(self, call: Call) -> Any:
        if isinstance(call.request, GetUpdates):
            return await asking.get_updates(self.telegram, call)
        with self.telegram.changed:
            messages = len(call.given("media")) if call.method == "sendMediaGroup" else 1
            chat_id = call.chat_id if isinstance(call.chat_id, int) else 0
            if wait := self.telegram.meter.count(self.telegram.now(), call.method, chat_id, messages):
                raise flood(wait)
            return answers.answer(self.telegram, call)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        """#getfile: https://api.telegram.org/file/bot<token>/<file_path>."""
        if request.match_info["token"] != self.telegram.token:
            return _refused(Refusal(401, "Unauthorized"))
        if self.telegram.faults.down:
            return web.Response(status=502, text=_GATEWAY, content_type="text/html")
        file = self.telegram.files.at(request.match_info["path"])
        return web.Response(body=file.data) if file else _refused(Refusal(404, "Not Found"))

    async def _bring(self) -> None:
        """Bring updates to the webhook, one after the other, each until it is taken."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            while True:
                await self._news.wait()
                self._news.clear()
                while self.telegram.updates.webhook and (next_ones := self.telegram.updates.take(1)):
                    taken = await self._brought(session, next_ones[0])
                    await asyncio.sleep(0 if taken else _WEBHOOK_PAUSE)

    async def _brought(self, session: aiohttp.ClientSession, update: dict[str, Any]) -> bool:
        """#setwebhook: an answer other than 2xx is no success, and the request is repeated."""
        if (webhook := self.telegram.updates.webhook) is None:
            return True
        headers = {"X-Telegram-Bot-Api-Secret-Token": webhook.secret} if webhook.secret else {}
        try:
            async with session.post(webhook.url, json=update, headers=headers) as answer:
                if answer.ok:
                    self.telegram.updates.confirm(update)
                    return True
                webhook.last_error = f"Wrong response from the webhook: {answer.status} {answer.reason}"
        except (aiohttp.ClientError, TimeoutError) as error:
            webhook.last_error = f"Connection failed: {type(error).__name__}"
        webhook.last_error_date = int(self.telegram.now())
        return False


def _refused(refusal: Refusal) -> web.Response:
    seconds = refusal.parameters.get("retry_after")
    headers = {"Retry-After": str(seconds)} if seconds else {}
    return web.json_response(refusal.as_json(), status=refusal.code, headers=headers)


async def _with_fault(
    request: web.Request, kind: Kind | None, effect: Callable[[], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    match kind:
        case Cut(after=False):
            return _cut(request)
        case Cut(after=True):
            await effect()
            return _cut(request)
        case BadGateway():
            return web.Response(status=502, text=_GATEWAY, content_type="text/html")
        case Slow(seconds):
            response = await effect()
            await asyncio.sleep(seconds)
            return response
        case None:
            return await effect()
    return _refused(kind.refusal())


def _cut(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
