"""Who asks, as every edge knows them."""

import msgspec


class Person(msgspec.Struct, frozen=True):
    """Who asks and in which language they read."""

    name: str
    language: str
