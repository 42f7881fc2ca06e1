"""What the routes work with."""

from collections.abc import AsyncIterator
from typing import NamedTuple

from prompt2pic.core.jobs import Job
from prompt2pic.core.ports import PictureStore
from prompt2pic.edge.erase import Eraser
from prompt2pic.edge.hub import Hub
from prompt2pic.edge.submit import Submitter
from prompt2pic.ops.health import Health
from prompt2pic.ops.metrics import Metrics
from prompt2pic.web.links import PictureLinks
from prompt2pic.web.people import People
from prompt2pic.web.stream import View, job_events
from prompt2pic.web.views import Views


class Context(NamedTuple):
    """The parts of the web process that its routes share."""

    hub: Hub
    people: People
    submitter: Submitter
    eraser: Eraser
    views: Views
    links: PictureLinks
    store: PictureStore
    metrics: Metrics
    health: Health

    def job_events(self, job: Job, view: View, last_id: int) -> AsyncIterator[bytes]:
        """Return the server-sent events of a job."""
        return job_events(self.hub, job, view, last_id)
