"""Whether a process lives, and whether it can do its work."""

from collections.abc import Callable
from typing import NamedTuple

Check = Callable[[], str | None]
"""Returns None when all is well, else what is wrong; what it raises is wrong, too."""


class Report(NamedTuple):
    """The outcome of all checks: what is wrong by the name of the check, None where nothing is."""

    well: bool
    checks: dict[str, str | None]


class Health:
    """Named checks of one process; those added as `vital` say that only a restart helps."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}
        self._vital: set[str] = set()

    def add(self, name: str, check: Check, *, vital: bool = False) -> None:
        """Add a check; it is called in any thread and must be quick."""
        self._checks[name] = check
        if vital:
            self._vital.add(name)

    def ready(self) -> Report:
        """Return whether the process can do its work now."""
        return self._report(self._checks)

    def alive(self) -> Report:
        """Return whether the process should be left running."""
        return self._report({name: self._checks[name] for name in self._checks if name in self._vital})

    def _report(self, checks: dict[str, Check]) -> Report:
        found = {name: _ask(check) for name, check in checks.items()}
        return Report(not any(found.values()), found)


def _ask(check: Check) -> str | None:
    try:
        return check()
    except Exception as error:  # whatever a check raises, a probe must get its answer
        return str(error) or type(error).__name__
