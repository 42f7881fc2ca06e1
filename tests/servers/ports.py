"""Ports for servers that tests start."""

import random
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_USUAL = "49152 65535"  # RFC 6335, section 6


def free_port() -> int:
    """Return a port that nobody listens at and that was not given before.

    It is none of those that the system gives to outgoing connections: one of them could take it before its server does.
    """
    for port in _PORTS:
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise RuntimeError("no port is free")


def free_ports(count: int) -> list[int]:
    """Return so many of them."""
    return [free_port() for _ in range(count)]


def _ports() -> Iterator[int]:
    """Yield all ports for servers, in an order of this process's own."""
    low, high = map(int, (_RANGE.read_text() if _RANGE.exists() else _USUAL).split())
    ports = [port for port in range(10_240, 65_536) if not low <= port <= high]
    random.Random().shuffle(ports)
    yield from ports


_PORTS = _ports()
