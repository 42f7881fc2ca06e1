"""What Telegram shows of the bot: its commands and descriptions, in each language."""

from aiogram import Bot
from aiogram.types import BotCommand, BotCommandScopeChat, BotCommandScopeDefault

from prompt2pic.texts import LANGUAGES, Texts, texts

COMMANDS = ("txt2img", "queue", "cancel", "history", "settings", "forget", "help", "start")
OWNERS = ("stats", "ban", "unban", "drain")


async def show_menu(bot: Bot) -> None:
    """Set commands and descriptions; those for no language are English. Raises TelegramAPIError."""
    for language in LANGUAGES:
        told, code = texts(language), None if language == LANGUAGES[0] else language
        await bot.set_my_commands(_commands(told, COMMANDS), BotCommandScopeDefault(), language_code=code)
        await bot.set_my_description(told.say("bot-description"), language_code=code)
        await bot.set_my_short_description(told.say("bot-short-description"), language_code=code)


async def show_owners_menu(bot: Bot, admin: int) -> None:
    """Set an admin's commands. Raises TelegramAPIError: who never wrote to the bot has no chat with it."""
    for language in LANGUAGES:
        told, code = texts(language), None if language == LANGUAGES[0] else language
        commands = _commands(told, COMMANDS + OWNERS)
        await bot.set_my_commands(commands, BotCommandScopeChat(chat_id=admin), language_code=code)


def _commands(told: Texts, names: tuple[str, ...]) -> list[BotCommand]:
    return [BotCommand(command=name, description=told.say(f"bot-command-{name}")) for name in names]
