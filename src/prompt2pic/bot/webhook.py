"""The port that Telegram calls, beside the health of a bot in a cluster."""

import hmac
from urllib.parse import urlsplit

import msgspec
from aiohttp import web

from prompt2pic.bot.intake import Intake
from prompt2pic.core.errors import AppendUnknown, LogUnavailable
from prompt2pic.edge.hub import Hub
from prompt2pic.ops.health import Health
from prompt2pic.ops.server import answer

_PROOF = "X-Telegram-Bot-Api-Secret-Token"  # the header that says who calls (Bot API, setWebhook)


def make_app(intake: Intake, address: str, secret: str, hub: Hub, health: Health) -> web.Application:
    """Return an application that takes updates at the path of `address` and tells of its health."""

    async def update(request: web.Request) -> web.Response:
        if not hmac.compare_digest(request.headers.get(_PROOF, "").encode(), secret.encode()):
            return web.Response(status=403)
        if not hub.reader.ready:
            return web.Response(status=503)  # Telegram sends it again
        try:
            await intake.take(msgspec.json.decode(await request.read(), type=dict))
        except msgspec.DecodeError:
            return web.Response(status=400)
        except (LogUnavailable, AppendUnknown):
            return web.Response(status=503)
        return web.Response()

    async def operators(request: web.Request) -> web.Response:
        told = answer(request.path, health)
        assert told is not None, "these are the paths of ops"  # noqa: S101
        return web.Response(body=told.body, status=told.status, headers={"Content-Type": told.type})

    app = web.Application()
    app.router.add_post(urlsplit(address).path or "/", update)
    for path in ("/healthz", "/readyz"):
        app.router.add_get(path, operators)
    return app
