"""A network of its own for one process, with a line to some ports of this machine that can be cut.

Linux only. `python -m tests.servers.cut FOLDER PORT,PORT COMMAND...` runs inside the new network: what goes to
one of the ports there comes out at the same port here, through sockets in FOLDER. While it is stopped (SIGSTOP)
nothing passes, nothing is refused, and what was sent arrives once it goes on: what a broken network does.
"""

import asyncio
import contextlib
import fcntl
import shutil
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

_SIOCSIFFLAGS = 0x8914
_UP_AND_RUNNING = 0x41


def possible() -> bool:
    """Whether this machine lets us make networks."""
    unshare = shutil.which("unshare")
    return (
        unshare is not None and subprocess.run([unshare, "-n", "true"], capture_output=True).returncode == 0
    )


def inside(folder: Path, ports: Sequence[int], command: Sequence[str]) -> list[str]:
    """Return the command line that runs a command in a network of its own."""
    line = ",".join(map(str, ports))
    return ["unshare", "-n", sys.executable, "-m", "tests.servers.cut", str(folder), line, *command]


@contextlib.contextmanager
def far_end(folder: Path, ports: Sequence[int]) -> Iterator[None]:
    """Run this machine's end of the line, in a process of its own."""
    line = ",".join(map(str, ports))
    command = [sys.executable, "-m", "tests.servers.cut", str(folder), line]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[2])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _port(port: int) -> Callable[[], Awaitable[Streams]]:
    return lambda: asyncio.open_connection("127.0.0.1", port)


def _socket(path: Path) -> Callable[[], Awaitable[Streams]]:
    return lambda: asyncio.open_unix_connection(path)


def _relaying(connect: Callable[[], Awaitable[Streams]]) -> Callable[..., Awaitable[None]]:
    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            far_reader, far_writer = await connect()
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        writer.close()

    return relay


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        fcntl.ioctl(probe, _SIOCSIFFLAGS, struct.pack("16sh", b"lo", _UP_AND_RUNNING))


async def _near_end(folder: Path, ports: Sequence[int], command: Sequence[str]) -> int:
    for port in ports:
        await asyncio.start_server(_relaying(_socket(folder / str(port))), "127.0.0.1", port)
    process = await asyncio.create_subprocess_exec(*command)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, process.terminate)
    return await process.wait()


async def _far_end(folder: Path, ports: Sequence[int]) -> int:
    for port in ports:
        await asyncio.start_unix_server(_relaying(_port(port)), folder / str(port))
    return await asyncio.get_running_loop().create_future()


def main() -> int:
    """Run the near end and the command, and return its exit code; without a command the far end, for ever."""
    folder, command = Path(sys.argv[1]), sys.argv[3:]
    ports = [int(port) for port in sys.argv[2].split(",")]
    if not command:
        return asyncio.run(_far_end(folder, ports))
    _raise_loopback()
    return asyncio.run(_near_end(folder, ports, command))


if __name__ == "__main__":
    sys.exit(main())
