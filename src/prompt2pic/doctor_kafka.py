"""What the doctor asks of a log in Kafka: reach, topics, rights, clocks, and how old the frontier is."""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from prompt2pic.core.errors import LogUnavailable, Problem
from prompt2pic.core.ledger import REMEMBERED
from prompt2pic.core.ports import Commit, Log, Place
from prompt2pic.core.queue import REQUESTS, RESULTS
from prompt2pic.core.reader import SETTINGS
from prompt2pic.doctor_log import apart_by_heartbeat, apart_by_record, lag
from prompt2pic.settings import Settings
from prompt2pic.texts import Texts
from prompt2pic.topics import Asked
from prompt2pic.topics.keeping import keep
from prompt2pic.topics.telling import difference
from prompt2pic.wiring import TOPICS, build_keeper, build_log

if TYPE_CHECKING:
    from prompt2pic.log.kafka_keeper import Keeper

_APART = 5.0  # seconds between two clocks; at about 25 every worker would seem to be gone
_HOUR = 3600 * 1000  # ms
_PATIENCE = 3.0  # seconds that a broker has to answer a greeting
_STALE = REMEMBERED + 2 * _HOUR  # ms; the frontier stays this far behind, and is committed hourly
# What librdkafka says, and the word for it in our texts; the first that fits.
_WORDS = {
    "Failed to resolve": "name",
    "Connection refused": "refused",
    "invalid credentials": "password",
    "Authentication failed": "password",
    "SASL mechanism": "mechanism",
    "certificate verify failed": "certificate",
    "incorrect security.protocol": "protocol",
    "PLAINTEXT broker listener": "protocol",
    "wrong version number": "protocol",
}


def told(texts: Texts, check: Callable[[], str]) -> tuple[bool, str]:
    """Return whether a check went well, and the line that says what was found or what to do."""
    try:
        return True, check()
    except Problem as problem:
        return False, texts.sentence(problem)


def examine_kafka(settings: Settings, texts: Texts, role: str | None) -> Iterator[tuple[bool, str]]:
    """Yield the lines about the log in Kafka; `role` is whose rights are looked at, None for any role's."""
    visit = _Visit(settings, texts, role)
    for check in (visit.reach, visit.topics, visit.rights):
        fine, line = told(texts, check)
        yield fine, line
        if not fine and check == visit.reach:
            return
    try:
        log = build_log(settings)
    except Problem as problem:
        yield False, texts.sentence(problem)
        return
    with closing(log):
        yield told(texts, lambda: visit.log(log))
        yield told(texts, lambda: visit.clock(log))
        yield told(texts, lambda: visit.frontier(log))


class _Visit:
    def __init__(self, settings: Settings, texts: Texts, role: str | None) -> None:
        self._settings = settings
        self._texts = texts
        self._role = role
        self._keeper: Keeper | None = None
        self._allowed: dict[str, set[str]] = {}

    def reach(self) -> str:
        """Ask the cluster for anything at all."""
        try:
            self._keeper = build_keeper(self._settings)
            brokers = self._keeper.brokers()
        except LogUnavailable as problem:
            tls = "ssl" in self._settings.kafka.get("security.protocol", "").lower()
            raise in_words(problem, tls=tls) from None
        return self._texts.say("doctor-kafka", log=self._settings.log, brokers=brokers)

    def topics(self) -> str:
        """Compare the topics with what they should be."""
        outcome = keep(self._settings, self._there(), Asked(check=True))
        if outcome.after.differences:
            first, *others = outcome.after.differences
            told = difference(first, self._texts)
            raise Problem("doctor-topics-differ", first=told, others=len(others))
        return self._texts.say("doctor-topics", partitions=outcome.after.found[REQUESTS].partitions)

    def rights(self) -> str:
        """Compare what this user may do with what the role needs."""
        from prompt2pic.log.kafka_rights import ROLES, rights

        self._allowed = self._there().allowed(TOPICS)
        lacking = {
            role: [
                f"{right.operation} {right.name}"
                for right in rights(role)
                if right.kind == "topic" and right.operation not in self._allowed.get(right.name, set())
            ]
            for role in ([self._role] if self._role else ROLES)
        }
        if fit := [role for role in lacking if not lacking[role]]:
            return self._texts.say("doctor-rights", roles=", ".join(fit))
        role = min(lacking, key=lambda role: len(lacking[role]))
        raise Problem("doctor-rights-lacking", role=role, rights=", ".join(lacking[role]))

    def log(self, log: Log) -> str:
        """Commit a position, and count the records."""
        from prompt2pic.log.kafka_rights import DOCTOR_GROUP

        log.commit(DOCTOR_GROUP, {Place(REQUESTS, 0): Commit(0)})
        places = [Place(topic, n) for topic in (REQUESTS, RESULTS) for n in range(log.partitions(topic))]
        records = sum(end - start for start, end in map(log.bounds, places))
        return self._texts.say("doctor-log", log=self._settings.log, records=records)

    def clock(self, log: Log) -> str:
        """Compare this machine's clock with the log's stamps."""
        writes = "write" in self._allowed.get(SETTINGS, set())
        apart = apart_by_record(log) if writes else apart_by_heartbeat(log)
        if apart is None:
            return self._texts.say("doctor-clock-unknown")
        seconds = round(apart / 1000, 1)
        if abs(seconds) > _APART:
            raise Problem("doctor-clock-apart", seconds=abs(seconds), most=_APART)
        return self._texts.say("doctor-clock", seconds=abs(seconds))

    def frontier(self, log: Log) -> str:
        """See how much a worker that starts has to read."""
        requests, age = lag(log)
        hours = round(age / _HOUR, 1)
        if age > _STALE:
            raise Problem("doctor-frontier-old", hours=hours, most=round(_STALE / _HOUR))
        return self._texts.say("doctor-frontier", requests=requests, hours=hours)

    def _there(self) -> "Keeper":
        assert self._keeper is not None, "the first check makes it"  # noqa: S101
        return self._keeper


def in_words(problem: LogUnavailable, *, tls: bool = True) -> Problem:
    """Return why the cluster can not be reached, as a word that `texts` knows; `tls` is whether we speak it.

    Of a broker that hangs up at the first words the client tells nothing: so it is asked for TLS.
    """
    if problem.key not in ("log-kafka-away", "log-kafka-login"):
        return problem
    path, reason = str(problem.args_by_name["path"]), str(problem.args_by_name["reason"])
    why = next((word for said, word in _WORDS.items() if said in reason), "silence")
    if why == "silence" and not tls and _speaks_tls(path):
        why = "protocol"
    return Problem("doctor-kafka-away", path=path, why=why, reason=reason)


def _speaks_tls(path: str) -> bool:
    host, _, port = path.partition("://")[2].partition(",")[0].rpartition(":")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # nothing is said to whoever it is
    try:
        with (
            socket.create_connection((host.strip("[]"), int(port)), _PATIENCE) as plain,
            context.wrap_socket(plain) as wrapped,
        ):
            return wrapped.version() is not None
    except (OSError, ValueError):
        return False
