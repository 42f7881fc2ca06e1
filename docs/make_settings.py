"""Writes `docs/settings.md` and `.env.example` from the settings; a test keeps them true."""

from pathlib import Path
from typing import get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from prompt2pic.settings import Settings, variable

ROOT = Path(__file__).parents[1]

PAGE_HEAD = """# Settings

Every process reads its settings once, at start: from the environment, then from a file `.env` in the folder
it is started in. A variable of the environment wins over the file, and an option of the command line over
both. An empty value counts as none. A wrong value, or a name that does not exist, stops the start with a
sentence.

This page is made from the code by `make docs`.

| Variable | Default | Unit | What it is |
| --- | --- | --- | --- |
"""

PAGE_FOOT = """| `PROMPT2PIC_KAFKA_...` | | | Passed to librdkafka: lower case, `_` becomes `.`. So \
`PROMPT2PIC_KAFKA_SECURITY_PROTOCOL=SASL_SSL` sets `security.protocol`. |

Secret values (the token, keys, passwords) are never printed or logged.
"""

EXAMPLE_HEAD = """# Copy to .env and change what you need; see docs/settings.md. Made by `make docs`.
"""

EXAMPLE_FOOT = """
# Passed to librdkafka: lower case, _ becomes a dot.
# PROMPT2PIC_KAFKA_SECURITY_PROTOCOL=SASL_SSL
"""


def page() -> str:
    """Return `docs/settings.md`."""
    rows = [_row(name, field) for name, field in _fields()]
    return PAGE_HEAD + "".join(rows) + PAGE_FOOT.replace("\\\n", "")


def example() -> str:
    """Return `.env.example`."""
    return EXAMPLE_HEAD + "".join(_example(name, field) for name, field in _fields()) + EXAMPLE_FOOT


def _fields() -> list[tuple[str, FieldInfo]]:
    return [(name, field) for name, field in Settings.model_fields.items() if name != "kafka"]


def _row(name: str, field: FieldInfo) -> str:
    shown = _extra(field, "shown") or (f"`{_default(field)}`" if _default(field) else "")
    cells = (f"`{variable(name)}`", shown, _extra(field, "unit"), _what(field))
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells) + "\n"


def _example(name: str, field: FieldInfo) -> str:
    unit = f" In {_extra(field, 'unit')}." if _extra(field, "unit") else ""
    shown = f" Default: {_extra(field, 'shown')}." if _extra(field, "shown") else ""
    return f"\n# {_what(field)}{unit}{shown}\n# {variable(name)}={_default(field)}\n"


def _what(field: FieldInfo) -> str:
    secret = " A secret." if SecretStr in (field.annotation, *get_args(field.annotation)) else ""
    return f"{field.description}{secret}"


def _extra(field: FieldInfo, name: str) -> str:
    extra = field.json_schema_extra
    return str(extra[name]) if isinstance(extra, dict) else ""


def _default(field: FieldInfo) -> str:
    if field.default_factory or field.default in (None, ()):
        return ""
    return str(field.default).lower() if isinstance(field.default, bool) else str(field.default)


def main() -> None:
    """Write both files."""
    (ROOT / "docs" / "settings.md").write_text(page(), "utf-8")
    (ROOT / ".env.example").write_text(example(), "utf-8")


if __name__ == "__main__":
    main()
