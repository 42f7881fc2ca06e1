"""Telegram in the tests: a real HTTP server that keeps the rules of the Bot API, and people who use it.

Rules come from core.telegram.org/bots/api (`#name` in comments is an anchor there), core.telegram.org/bots/faq and
core.telegram.org/bots/features; wordings and what those pages leave open, from the source of Telegram's own server,
github.com/tdlib/telegram-bot-api. None comes from the bot under test.
"""

from tests.telegram.chats import Chat, Topic
from tests.telegram.faults import BadGateway, Broken, Cut, Fault, Flood, Slow
from tests.telegram.limits import Limits, Violation
from tests.telegram.messages import Message
from tests.telegram.people import Answer, Person, Press
from tests.telegram.server import telegram
from tests.telegram.world import Telegram

__all__ = [
    "Answer",
    "BadGateway",
    "Broken",
    "Chat",
    "Cut",
    "Fault",
    "Flood",
    "Limits",
    "Message",
    "Person",
    "Press",
    "Slow",
    "Telegram",
    "Topic",
    "Violation",
    "telegram",
]
