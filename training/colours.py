"""The twelve colours of grounds and recoloured objects."""

from training import tables

Colour = tuple[int, int, int]

COLOURS: dict[str, Colour] = {
    row["english"]: (int(row["red"]), int(row["green"]), int(row["blue"])) for row in tables.rows("colours")
}
RUSSIAN = {row["english"]: row["russian"] for row in tables.rows("colours")}
