"""Positions that a group commits to Kafka. Nobody ever joins the group: it only keeps them."""

import time
from collections.abc import Callable, Mapping
from contextlib import closing

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from prompt2pic.core.ports import Commit, Place
from prompt2pic.log.kafka_cluster import GIVE_UP, STEP, Cluster
from prompt2pic.log.kafka_errors import MOVING, code_of

_TRY = 2.0  # seconds that one try may take
_AGAIN = {*MOVING, KafkaError._TIMED_OUT, KafkaError._WAIT_COORD}


class Offsets:
    """Commits and fetches positions, through a client that lives for one question.

    The questions of `AdminClient` would do without one, but librdkafka ends the process where the group's
    coordinator moves in that moment (its issue 5040).
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def commit(self, group: str, commits: Mapping[Place, Commit]) -> None:
        """Store positions with metadata under a group's name. Raises LogUnavailable."""
        offsets = [
            TopicPartition(self._cluster.prefix + place.topic, place.partition, offset, metadata)
            for place, (offset, metadata) in commits.items()
        ]
        with closing(self._cluster.consumer(group)) as client:
            self._held(client, list(commits))  # by itself a commit waits 45 s for who keeps the offsets
            self._ask(client, lambda: client.commit(offsets=offsets, asynchronous=False))

    def committed(self, group: str, places: list[Place]) -> dict[Place, Commit]:
        """Return what the group last committed of these places. Raises LogUnavailable."""
        prefix = self._cluster.prefix
        with closing(self._cluster.consumer(group)) as client:
            found = self._held(client, places)
        return {
            Place(one.topic.removeprefix(prefix), one.partition): Commit(one.offset, one.metadata or "")
            for one in found
            if one.offset >= 0
        }

    def _held(self, client: Consumer, places: list[Place]) -> list[TopicPartition]:
        asked = [TopicPartition(self._cluster.prefix + place.topic, place.partition) for place in places]
        return self._ask(client, lambda: client.committed(asked, _TRY))

    def _ask(self, client: Consumer, question: Callable[[], list[TopicPartition]]) -> list[TopicPartition]:
        deadline = time.monotonic() + GIVE_UP
        while True:
            try:
                return _whole(question())
            except KafkaException as error:
                told = client.poll(0)  # what it has no right to do, it says here only
                said = (told and told.error()) or error
                if code_of(said) not in _AGAIN or time.monotonic() > deadline:
                    raise self._cluster.unavailable(said) from error
            time.sleep(STEP)


def _whole(answer: list[TopicPartition]) -> list[TopicPartition]:
    """Return the answer if it is one for each partition. Raises KafkaException."""
    for partition in answer:
        if partition.error is not None:
            raise KafkaException(partition.error)
    return answer
