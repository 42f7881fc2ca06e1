"""Methods that ask, and those about the bot itself, its webhook and the buttons people press."""

import re
from typing import TYPE_CHECKING, Any

from aiogram import methods

from tests.telegram.answers import answers
from tests.telegram.calls import Call
from tests.telegram.messages import Json
from tests.telegram.people import Answer
from tests.telegram.refusals import bad_request, required
from tests.telegram.rules import chat_of
from tests.telegram.updates import Webhook

if TYPE_CHECKING:
    from tests.telegram.world import Telegram

_LONGEST_ANSWER = 200  # #answercallbackquery: 0-200 characters
_SECRET = re.compile(r"[A-Za-z0-9_-]{0,256}")  # #setwebhook: secret_token
_TOO_OLD = "query is too old and response timeout expired or query ID is invalid"


@answers(methods.GetMe)
def _get_me(telegram: "Telegram", call: Call) -> Json:
    abilities = {"can_join_groups": True, "supports_inline_queries": False}
    return telegram.bot_user | abilities | {"can_read_all_group_messages": not telegram.privacy}


@answers(methods.LogOut, methods.Close)
def _log_out(telegram: "Telegram", call: Call) -> bool:
    return True


@answers(methods.SetWebhook)
def _set_webhook(telegram: "Telegram", call: Call) -> bool:
    """#setwebhook; HTTP and any port are fine, as with a local server (#using-a-local-bot-api-server)."""
    url, secret = call.given("url"), call.given("secret_token")
    if url and not re.match(r"https?://[^/]+", url):
        raise bad_request("invalid webhook URL specified")
    if not _SECRET.fullmatch(secret or ""):
        raise bad_request("secret token contains unallowed characters")
    _set_allowed(telegram, call)
    _maybe_drop(telegram, call)
    telegram.updates.set_webhook(Webhook(url, secret) if url else None)
    return True


@answers(methods.DeleteWebhook)
def _delete_webhook(telegram: "Telegram", call: Call) -> bool:
    _maybe_drop(telegram, call)
    telegram.updates.set_webhook(None)
    return True


@answers(methods.GetWebhookInfo)
def _get_webhook_info(telegram: "Telegram", call: Call) -> Json:
    webhook = telegram.updates.webhook or Webhook("", None)
    info: Json = {"url": webhook.url, "has_custom_certificate": False}
    info["pending_update_count"] = telegram.updates.count()
    if webhook.last_error:
        info |= {"last_error_message": webhook.last_error, "last_error_date": webhook.last_error_date}
    return info


@answers(methods.AnswerCallbackQuery)
def _answer_callback_query(telegram: "Telegram", call: Call) -> bool:
    """A press can be answered once, and not for long: the person's spinner stops by itself."""
    press = required(telegram.presses.get(call.given("callback_query_id")), bad_request(_TOO_OLD))
    if press.answer is not None or telegram.now() - press.at > telegram.query_seconds:
        raise bad_request(_TOO_OLD)
    if len(call.given("text") or "") > _LONGEST_ANSWER:
        raise bad_request("MESSAGE_TOO_LONG")
    press.answer = Answer(call.given("text") or "", bool(call.given("show_alert")))
    return True


@answers(methods.GetFile)
def _get_file(telegram: "Telegram", call: Call) -> Json:
    file = telegram.files.downloadable(call.given("file_id"))
    ids = {"file_id": file.id, "file_unique_id": file.unique_id}
    return ids | {"file_size": len(file.data), "file_path": file.path}


@answers(methods.GetChat)
def _get_chat(telegram: "Telegram", call: Call) -> Json:
    chat = required(call.chat(telegram), bad_request("chat not found"))
    gifts = (
        "unlimited_gifts",
        "limited_gifts",
        "unique_gifts",
        "premium_subscription",
        "gifts_from_channels",
    )
    full = {
        "accent_color_id": 0,
        "max_reaction_count": 11,
        "accepted_gift_types": dict.fromkeys(gifts, False),
    }
    return chat.as_json() | full


@answers(methods.GetChatMember)
def _get_chat_member(telegram: "Telegram", call: Call) -> Json:
    chat, number = chat_of(telegram, call), call.given("user_id")
    if number == telegram.bot_user["id"]:
        return telegram.membership({"user": telegram.bot_user}, chat.bot)
    person = required(telegram.people.get(number), bad_request("user not found"))
    status = "administrator" if number in chat.admins else "member"
    return telegram.membership({"user": person.user}, status)


@answers(methods.SetMyCommands)
def _set_commands(telegram: "Telegram", call: Call) -> bool:
    telegram.profile.set_commands(call.request)
    return True


@answers(methods.GetMyCommands)
def _get_commands(telegram: "Telegram", call: Call) -> list[Json]:
    return telegram.profile.commands(call.request)


@answers(methods.DeleteMyCommands)
def _delete_commands(telegram: "Telegram", call: Call) -> bool:
    telegram.profile.delete_commands(call.request)
    return True


# #setmyname: 0-64 characters, #setmydescription: 0-512, #setmyshortdescription: 0-120.
_TEXTS = {"name": 64, "description": 512, "short_description": 120}


@answers(methods.SetMyName, methods.SetMyDescription, methods.SetMyShortDescription)
def _set_text(telegram: "Telegram", call: Call) -> bool:
    name, text = _which(call), call.given(_which(call)) or ""
    if len(text) > _TEXTS[name]:
        raise bad_request(f"{name} is too long")
    telegram.profile.texts[name, call.given("language_code") or ""] = text
    return True


@answers(methods.GetMyName, methods.GetMyDescription, methods.GetMyShortDescription)
def _get_text(telegram: "Telegram", call: Call) -> Json:
    name, texts = _which(call), telegram.profile.texts
    return {name: texts.get((name, call.given("language_code") or "")) or texts.get((name, ""), "")}


@answers(methods.SetChatMenuButton)
def _set_menu_button(telegram: "Telegram", call: Call) -> bool:
    button = call.given("menu_button")
    shown = button.model_dump(exclude_none=True, mode="json") if button else {"type": "default"}
    telegram.profile.menu_buttons[call.given("chat_id") or 0] = shown
    return True


@answers(methods.GetChatMenuButton)
def _get_menu_button(telegram: "Telegram", call: Call) -> Json:
    buttons = telegram.profile.menu_buttons
    return buttons.get(call.given("chat_id") or 0) or buttons.get(0) or {"type": "default"}


async def get_updates(telegram: "Telegram", call: Call) -> Any:
    """Answer `getUpdates`, which alone takes its time."""
    _set_allowed(telegram, call)
    limit = min(max(call.given("limit") or 100, 1), 100)  # #getupdates: values between 1-100
    return await telegram.updates.poll(call.given("offset") or 0, limit, call.given("timeout") or 0)


def _set_allowed(telegram: "Telegram", call: Call) -> None:
    """#getupdates: "if not specified, the previous setting will be used"."""
    if (allowed := call.given("allowed_updates")) is not None:
        telegram.updates.allowed = list(allowed)


def _maybe_drop(telegram: "Telegram", call: Call) -> None:
    if call.given("drop_pending_updates"):
        telegram.updates.drop()


def _which(call: Call) -> str:
    return {"Name": "name", "Description": "description", "ShortDescription": "short_description"}[
        call.method[len("setMy") :]
    ]
