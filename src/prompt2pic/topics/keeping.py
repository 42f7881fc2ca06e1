"""The log's topics in Kafka are looked at, made, grown and mended."""

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from prompt2pic.core.errors import LogUnavailable, Problem
from prompt2pic.core.ports import Log, Place
from prompt2pic.core.queue import REQUESTS, RESULTS
from prompt2pic.core.reader import SETTINGS
from prompt2pic.core.rules import PARTITIONS_KEY, Rules, encode_partitions
from prompt2pic.log.topics import TopicConfig
from prompt2pic.settings import Settings
from prompt2pic.wiring import TOPICS, build_log

if TYPE_CHECKING:
    from prompt2pic.log.kafka_keeper import Keeper
    from prompt2pic.log.kafka_wishes import Difference, Found

SPREAD = (RESULTS, REQUESTS)  # have the same number of partitions; in the order in which they grow
_PARTITIONS = 3
ENOUGH = 3  # brokers that keep each record
_SEEN_WITHIN = 15.0  # seconds in which every broker hears of a change
_STEP = 0.2  # seconds
_BATCH = 1000  # records


class Asked(NamedTuple):
    """What the owner wants; None leaves it as it is, or as it is made by default."""

    partitions: int | None = None
    replication: int | None = None
    check: bool = False
    fix: bool = False


class State(NamedTuple):
    """The topics at one moment: what there is, what differs, and over how many partitions requests are spread.

    `spread` is None where no record says so.
    """

    replication: int
    found: Mapping[str, "Found"]
    differences: tuple["Difference", ...]
    spread: int | None


class Outcome(NamedTuple):
    """The topics before and after."""

    before: State
    after: State

    @property
    def mended(self) -> list["Difference"]:
        """What differs no more."""
        return [one for one in self.before.differences if one not in self.after.differences]


def keep(settings: Settings, keeper: "Keeper", asked: Asked) -> Outcome:
    """Make what is missing, grow, mend what may be, and say what was and what is; only look where so asked.

    Raises Problem where what is asked for can not be, or the cluster does not do it.
    """
    work = _Work(settings, keeper, asked)
    before = now = work.look()
    if asked.check or not before.differences:
        return Outcome(before, before)
    if work.create(now):
        now = work.look()
    work.grow(now)
    if asked.fix:
        work.fix(now)
    return Outcome(before, work.look())


class _Work:
    def __init__(self, settings: Settings, keeper: "Keeper", asked: Asked) -> None:
        self._settings = settings
        self._keeper = keeper
        self._asked = asked
        self._replication = _replication(asked.replication, keeper.brokers())

    def look(self) -> State:
        """Look at everything. Raises Problem where fewer partitions are asked for than there are."""
        from prompt2pic.log.kafka_wishes import Difference, differences

        found = self._keeper.look(TOPICS)
        spread = self._spread() if found.keys() >= TOPICS.keys() else None
        layout = self._layout(found, spread)
        wanted = layout[REQUESTS].partitions
        named = ((self._keeper.prefix + name, name) for name in TOPICS)
        differing = [
            one
            for full, name in named
            for one in differences(full, layout[name], found.get(name), self._replication)
        ]
        if spread is None or spread < wanted:
            told = "" if spread is None else str(spread)
            differing.append(
                Difference(self._keeper.prefix + SETTINGS, "record", PARTITIONS_KEY, told, str(wanted))
            )
        return State(self._replication, found, tuple(differing), spread)

    def create(self, state: State) -> bool:
        """Make the topics that are missing, and say whether there were any."""
        layout = self._layout(state.found, state.spread)
        missing = {name: layout[name] for name in TOPICS if name not in state.found}
        if missing:
            self._keeper.create(missing, self._replication)
            self._await({name: topic.partitions for name, topic in missing.items()})
        return bool(missing)

    def grow(self, state: State) -> None:
        """Give `results`, then `requests` more partitions, and only then have new requests use them."""
        found, spread = state.found, state.spread
        number = self._layout(found, spread)[REQUESTS].partitions
        small = [name for name in SPREAD if found[name].partitions < number]
        if small and spread is None:  # nobody may take the new ones for granted before they are all there
            self._write(min(found[name].partitions for name in SPREAD))
        for name in small:
            self._keeper.grow(name, number)
            self._await({name: number})
        if spread is None or spread < number:
            self._write(number)

    def fix(self, state: State) -> None:
        """Change the settings that differ."""
        changes: dict[str, dict[str, str]] = {}
        for one in _wrong_settings(state):
            changes.setdefault(one.topic.removeprefix(self._keeper.prefix), {})[one.name] = one.wanted
        for topic, settings in changes.items():
            self._keeper.change(topic, settings)
        _until(lambda: not changes or not _wrong_settings(self.look()))

    def _layout(self, found: Mapping[str, "Found"], spread: int | None) -> dict[str, TopicConfig]:
        """Return the topics as they should be."""
        there = [found[name].partitions for name in SPREAD if name in found] + ([spread] if spread else [])
        number = self._asked.partitions or max(there, default=_PARTITIONS)
        if number < max(there, default=0):
            raise Problem("topics-shrink", found=max(there), wanted=number)
        return TOPICS | {name: TOPICS[name]._replace(partitions=number) for name in SPREAD}

    def _await(self, partitions: Mapping[str, int]) -> None:
        def known() -> bool:
            found = self._keeper.look(partitions)
            return all(name in found and found[name].partitions >= partitions[name] for name in partitions)

        _until(known)

    def _spread(self) -> int | None:
        with closing(self._log()) as log:
            return _rules(log).partitions

    def _write(self, number: int) -> None:
        with closing(self._log()) as log:
            log.append(Place(SETTINGS, 0), PARTITIONS_KEY, encode_partitions(number))

    def _log(self) -> Log:
        """Open the log, once the broker that is asked has heard of its topics."""
        deadline = time.monotonic() + _SEEN_WITHIN
        while True:
            try:
                return build_log(self._settings)
            except LogUnavailable as problem:
                if problem.key != "log-topics-missing" or time.monotonic() > deadline:
                    raise
            time.sleep(_STEP)


def _wrong_settings(state: State) -> "list[Difference]":
    return [one for one in state.differences if one.kind == "setting"]


def _until(true: Callable[[], bool]) -> None:
    """Wait until every broker knows of a change, or until it must have been heard of."""
    deadline = time.monotonic() + _SEEN_WITHIN
    while not true() and time.monotonic() < deadline:
        time.sleep(_STEP)


def _replication(asked: int | None, brokers: int) -> int:
    if asked is not None and asked > brokers:
        raise Problem("topics-replication", brokers=brokers, wanted=asked)
    return asked or min(ENOUGH, brokers)


def _rules(log: Log) -> Rules:
    """Return what the owner has decided for everybody, as the log has it now."""
    rules = Rules()
    place = Place(SETTINGS, 0)
    start, end = log.bounds(place)
    with closing(log.follow({place: start})) as follower:
        while follower.positions()[place] < end:
            for record in follower.poll(1.0, _BATCH):
                rules.apply(record)
    return rules
