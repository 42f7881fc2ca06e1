"""How many bytes Kafka keeps of one picture of 30 s with a prompt of 60 characters: the growth of its files.

python -m bench.queue.size [--seconds 30]
"""

import argparse
import os
import subprocess
import tempfile
from base64 import b64encode
from collections import Counter
from pathlib import Path

from bench.figures import figure
from bench.queue.ours import PARTITIONS, Ours, ours
from prompt2pic.core.events import Progressed, decode_event
from prompt2pic.core.ports import LARGEST_PREVIEW, PaintOrder, Place, Record
from prompt2pic.core.queue import REQUESTS, RESULTS
from prompt2pic.painters.wuerstchen import WuerstchenPainter
from tests.servers.kafka import Kafka, kafka

MOST = -(-LARGEST_PREVIEW // 3) * 4  # characters of base64


def main() -> None:
    """Print the bytes without previews, with those of the stub painter, and with new ones in every record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    seconds = parser.parse_args().seconds
    with (
        tempfile.TemporaryDirectory() as name,
        kafka(Path(name)) as broker,
        ours(broker.servers, Path(name), seconds) as queue,
    ):
        total, records = painted(queue, broker, Path(name) / "worker.log")
    told = [event for record in records if isinstance(event := decode_event(record.value), Progressed)]
    previews = sum(len(event.preview) for event in told)
    kinds = Counter(type(decode_event(record.value)).__name__.lower() for record in records)
    beside = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    what = f"bytes in Kafka of a picture of {seconds:g} s, one copy"
    figure(f"{what}, without previews", total - previews, "B", limit=5000, beside=f"1 request, {beside}")
    count = sum(bool(event.preview) for event in told)
    beside = f"{count} of them, {previews} B: one that has not changed is written once"
    figure("the same with previews, the stub painter's", total, "B", limit=5000, beside=beside)
    real = built_in_preview()
    beside = f"{real} B each, reckoned; with the largest allowed {total - previews + MOST * len(told):,} B"
    whole = total - previews + real * len(told)
    figure("the same with a new one of the built-in model in each record", whole, "B", beside=beside)


def built_in_preview() -> int:
    """Return the characters of the largest preview of a picture by the built-in model."""
    sizes = [0]
    painter = WuerstchenPainter("")
    width, height = painter.load(lambda fraction, what: None).sizes[0]
    order = PaintOrder(prompt="красный кот", width=width, height=height, level="best")
    for _ in painter.paint(order, lambda step: sizes.append(len(b64encode(step.preview)))):
        pass
    return max(sizes)


def painted(queue: Ours, broker: Kafka, log: Path) -> tuple[int, list[Record]]:
    """Have one worker paint one picture; return by how much the log has grown, and the records of its attempt."""
    [(command, environment)] = queue.commands(1)
    with (
        log.open("wb") as told,
        subprocess.Popen(command, env=os.environ | environment, stderr=told) as worker,
    ):
        while not queue.ready():
            pass
        before = size(queue, broker)
        queue.ask("00000000-0000-4000-8000-000000000000", 0)
        while not queue.ends(0.5):
            pass
        grown = size(queue, broker) - before
        worker.terminate()
    places = {Place(RESULTS, partition): 0 for partition in range(PARTITIONS)}
    follower = queue.log.follow(places)
    records = follower.poll(5.0)
    follower.close()
    return grown, records


def size(queue: Ours, broker: Kafka) -> int:
    """Return the bytes of the segments of `requests` and `results`."""
    data = broker.brokers[0].folder / "data"
    folders = [
        data / f"{queue.prefix}{topic}-{n}" for topic in (REQUESTS, RESULTS) for n in range(PARTITIONS)
    ]
    return sum(file.stat().st_size for folder in folders for file in folder.glob("*.log"))


if __name__ == "__main__":
    main()
