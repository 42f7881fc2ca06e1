"""What the bot says of itself: commands by scope and language, descriptions, the menu button."""

import json
import re
from typing import Any

from aiogram.methods import SetMyCommands

from tests.telegram.chats import Chat
from tests.telegram.messages import Json
from tests.telegram.refusals import bad_request

_MOST_COMMANDS = 100  # #setmycommands
_COMMAND = re.compile(r"[a-z0-9_]{1,32}")  # #botcommand: 1-32 lowercase letters, digits and underscores
_LONGEST_DESCRIPTION = 256  # #botcommand


class Profile:
    """The bot's own page."""

    def __init__(self) -> None:
        self.texts: dict[tuple[str, str], str] = {}  # by what it is and its language
        self.menu_buttons: dict[int, Json] = {}  # by chat; 0 is the default
        self._commands: dict[tuple[str, str], list[Json]] = {}

    def set_commands(self, request: SetMyCommands) -> None:
        """Set the commands of a scope and a language."""
        if len(request.commands) > _MOST_COMMANDS:
            raise bad_request("BOT_COMMANDS_TOO_MUCH")
        for one in request.commands:
            if not _COMMAND.fullmatch(one.command):
                raise bad_request("BOT_COMMAND_INVALID")
            if not 1 <= len(one.description) <= _LONGEST_DESCRIPTION:
                raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
        commands = [{"command": one.command, "description": one.description} for one in request.commands]
        self._commands[_key(request)] = commands

    def commands(self, request: Any) -> list[Json]:
        """Return the commands of exactly this scope and language (#getmycommands)."""
        return self._commands.get(_key(request), [])

    def delete_commands(self, request: Any) -> None:
        """Remove them (#deletemycommands)."""
        self._commands.pop(_key(request), None)

    def menu(self, chat: Chat, person: int, language: str) -> list[tuple[str, str]]:
        """Return what a person sees: the first list set (#determining-list-of-commands)."""
        for scope in _scopes(chat, person):
            for code in (language, ""):
                if found := self._commands.get((_scope_key(scope), code)):
                    return [(one["command"], one["description"]) for one in found]
        return []


def _scopes(chat: Chat, person: int) -> list[Json]:
    """#determining-list-of-commands, for a user in this chat: the narrowest scope first."""
    this = {"chat_id": chat.id}
    if chat.kind == "private":
        return [{"type": "chat"} | this, {"type": "all_private_chats"}, {"type": "default"}]
    admin = person in chat.admins
    return [
        {"type": "chat_member", "user_id": person} | this,
        *([{"type": "chat_administrators"} | this] if admin else []),
        {"type": "chat"} | this,
        *([{"type": "all_chat_administrators"}] if admin else []),
        {"type": "all_group_chats"},
        {"type": "default"},
    ]


def _key(request: Any) -> tuple[str, str]:
    scope = request.scope.model_dump(exclude_none=True) if request.scope else {"type": "default"}
    language = request.language_code or ""
    if not re.fullmatch(r"([a-z]{2})?", language):  # "a two-letter ISO 639-1 language code"
        raise bad_request("LANG_CODE_INVALID")
    return _scope_key(scope), language


def _scope_key(scope: Json) -> str:
    return json.dumps(scope, sort_keys=True)
