"""The secret that signs cookies and links, where the owner set none."""

import os
import secrets
from pathlib import Path

from prompt2pic.core.errors import Problem

SECRET_BYTES = 32


def load_secret(data: Path) -> bytes:
    """Return the secret kept in the data folder, made at first use.

    Raises Problem where it can not be kept or read.
    """
    path = data / "secret"
    try:
        if not path.exists():
            _keep_secret(path)
        secret = bytes.fromhex(path.read_text("ascii").strip())
    except OSError as error:
        raise Problem("data-folder-unusable", folder=str(data), why=error.strerror or str(error)) from None
    except ValueError:
        secret = b""
    if len(secret) != SECRET_BYTES:
        raise Problem("secret-file-broken", file=str(path))
    return secret


def _keep_secret(path: Path) -> None:
    """Write a new secret so that of several processes one wins and nobody reads a half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".secret-{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_text(secrets.token_hex(SECRET_BYTES), "ascii")
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
