"""The file that says under which names the processes log in to Kafka."""

import tomllib
from pathlib import Path
from typing import Any

from prompt2pic.core.errors import Problem


def read_principals(path: Path) -> dict[str, tuple[str, ...]]:
    """Return the principals of each role: `web = "User:web"` or `worker = ["User:a", "User:b"]`.

    Raises Problem.
    """
    try:
        told = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise Problem("acl-file-unreadable", file=str(path), reason=str(why)) from None
    return {role: _principals(path, role, names) for role, names in told.items()}


def _principals(path: Path, role: str, told: Any) -> tuple[str, ...]:
    from prompt2pic.log.kafka_rights import ROLES

    if role not in ROLES:
        raise Problem("acl-role-unknown", file=str(path), role=role, roles=", ".join(ROLES))
    names = (told,) if isinstance(told, str) else tuple(told) if isinstance(told, list) else ()
    if not names or not all(isinstance(name, str) and _is_principal(name) for name in names):
        raise Problem("acl-principal-wrong", file=str(path), role=role)
    return names


def _is_principal(name: str) -> bool:
    kind, colon, who = name.partition(":")
    return bool(kind and colon and who.strip()) and kind.isalpha()
