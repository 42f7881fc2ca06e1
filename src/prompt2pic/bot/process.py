"""The bot as a process: reads the log, takes updates, and tells chats what the queue says."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, NamedTuple

import structlog
from aiogram import Bot, Dispatcher
from aiogram.exceptions import TelegramAPIError
from aiohttp import web

from prompt2pic.bot import handlers, owners, presses
from prompt2pic.bot.calls import FAILED, WRONG_TOKEN
from prompt2pic.bot.context import Context
from prompt2pic.bot.delivery import Delivery
from prompt2pic.bot.intake import ALLOWED, Intake
from prompt2pic.bot.menu import show_menu, show_owners_menu
from prompt2pic.bot.webhook import make_app
from prompt2pic.core.errors import Problem
from prompt2pic.ops.health import Health
from prompt2pic.ops.metrics import Metrics

_RETRY = 5.0  # seconds before Telegram is told our menu again

_log = structlog.get_logger(__name__)


async def name_of(bot: Bot, address: str) -> str:
    """Return the name of a bot. Raises Problem where Telegram does not know it, or does not answer."""
    try:
        async with bot:
            me = await bot.get_me(request_timeout=10)
    except WRONG_TOKEN:
        raise Problem("bot-token-wrong") from None
    except FAILED as error:
        raise Problem("doctor-telegram-away", address=address, reason=type(error).__name__) from None
    return me.username or me.first_name


class Webhook(NamedTuple):
    """Where Telegram is to call us, and what it proves itself with; `host` and `port` are where we listen."""

    address: str
    secret: str
    host: str
    port: int


class Process:
    """Everything of one bot; `say` tells the owner, by a key of `texts`."""

    def __init__(
        self,
        bot: Bot,
        context: Context,
        delivery: Delivery,
        metrics: Metrics,
        health: Health,
        webhook: Webhook | None,
        say: Callable[..., None],
    ) -> None:
        self.bot = bot
        self.context = context
        self._delivery = delivery
        self._webhook = webhook
        self.say = say
        self._health = health
        dispatcher = Dispatcher(disable_fsm=True)
        dispatcher.include_routers(
            owners.router(context), handlers.router(context), presses.router(context, bot)
        )
        self.intake = Intake(bot, dispatcher, context, metrics, say)
        self._stopping = asyncio.Event()
        self.problem: Problem | None = None
        health.add(
            "telegram", lambda: "somebody else reads this bot's updates" if self.intake.conflict else None
        )

    def stop(self) -> None:
        """End `run`; called in the event loop."""
        self._stopping.set()

    def fail(self, problem: Problem) -> None:
        """End `run` with a problem; called in the event loop."""
        self.problem = self.problem or problem
        self._stopping.set()

    async def run(self) -> None:
        """Serve until stopped. Raises Problem where the token is wrong or the log can be followed no more."""
        try:
            async with self.context.hub.running(), self._listening(), asyncio.TaskGroup() as tasks:
                works = [self.context.outbox.run(), self._delivery.run(), self._introduce()]
                works += [self.intake.poll()] if self._webhook is None else []
                running = [tasks.create_task(self._guarded(work)) for work in works]
                await self._stopping.wait()
                for task in running:
                    task.cancel()
        finally:
            await self.bot.session.close()
        if self.problem is not None:
            raise self.problem

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Problem as problem:
            self.fail(problem)

    async def _introduce(self) -> None:
        """Tell Telegram how it gets updates to us and what to show of us, once it can be reached."""
        while True:
            try:
                await self._set_up()
                return
            except WRONG_TOKEN:
                raise Problem("bot-token-wrong") from None
            except FAILED as error:
                _log.warning("telegram-away", error=type(error).__name__)
                await asyncio.sleep(_RETRY)

    async def _set_up(self) -> None:
        me = await self.bot.me()
        self.say("bot-open", name=me.username or me.first_name)
        if self._webhook is None:
            await self.bot.delete_webhook()
        else:
            await self.bot.set_webhook(
                self._webhook.address, allowed_updates=ALLOWED, secret_token=self._webhook.secret
            )
        await show_menu(self.bot)
        for admin in self.context.access.admins:
            with contextlib.suppress(TelegramAPIError):
                await show_owners_menu(self.bot, admin)

    @contextlib.asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        if self._webhook is None:
            yield
            return
        hook, hub = self._webhook, self.context.hub
        app = make_app(self.intake, hook.address, hook.secret, hub, self._health)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, hook.host, hook.port).start()
            yield
        finally:
            await runner.cleanup()
