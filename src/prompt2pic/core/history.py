"""What each person asked for and got: the gallery, and the answers about jobs that are over."""

from collections.abc import Iterator

from prompt2pic.core.events import JobEvent
from prompt2pic.core.jobs import Job
from prompt2pic.core.queue import Queue


class History:
    """Every job a reader has come across, by id and by person, without those that were erased."""

    def __init__(self, queue: Queue) -> None:
        self._jobs: dict[str, Job] = {}
        self._of: dict[str, dict[str, None]] = {}
        self._hidden: set[str] = set()
        self._queue = queue
        queue.listeners.append(self._changed)
        queue.erasures.append(self._erased)

    def job(self, request: str, person: str | None = None) -> Job | None:
        """Return a job, None where it is unknown, erased or (with `person`) somebody else's."""
        job = self._jobs.get(request)
        if job is None or job.request is None or (person is not None and job.request.person != person):
            return None
        return job

    def starting_with(self, request: str) -> list[Job]:
        """Return the jobs whose id is, or begins with, what was given."""
        whole = self.job(request)
        if whole is not None:
            return [whole]
        return [job for job in self._jobs.values() if request and job.id.startswith(request)]

    def of(self, person: str) -> Iterator[Job]:
        """Iterate over a person's jobs, newest first."""
        return (self._jobs[request] for request in reversed(self._of.get(person, {})))

    def erased(self, request: str) -> bool:
        """Whether a request was read and is erased, so that its pictures have to go."""
        return request in self._hidden

    def counted(self, request: str, attempt: str) -> bool | None:
        """Whether an attempt's pictures are the job's; None while that is open or not known."""
        job = self._jobs.get(request)
        if job is None or job.end is None:
            return None
        return job.state == "finished" and job.claim is not None and job.claim.attempt == attempt

    def _changed(self, job: Job, event: JobEvent | None) -> None:
        if event is not None or job.request is None:
            return
        if self._is_hidden(job):
            self._hidden.add(job.id)
            return
        self._jobs[job.id] = job
        self._of.setdefault(job.request.person, {})[job.id] = None

    def _is_hidden(self, job: Job) -> bool:
        return self._queue.ledgers[job.partition].hides(job)

    def _erased(self, person: str) -> None:
        for request in [
            request for request in self._of.get(person, {}) if self._is_hidden(self._jobs[request])
        ]:
            del self._of[person][request], self._jobs[request]
            self._hidden.add(request)
