"""Errors that carry a key and arguments; `texts` turns them into a sentence."""


class Problem(Exception):  # noqa: N818 - the sentence a person reads is the point, not the suffix
    """Something a person or an owner can mend, named by a key of `texts` and its arguments."""

    def __init__(self, key: str, **args: str | int | float) -> None:
        super().__init__(key, args)
        self.key = key
        self.args_by_name = args

    def __str__(self) -> str:
        told = ", ".join(f"{name}={value!r}" for name, value in self.args_by_name.items())
        return f"{self.key}({told})"


class Refused(Problem):
    """A submission that is not taken; nothing was written.

    `param` names the field at fault. `retry_after` is in seconds, None where waiting does not help.
    """

    def __init__(
        self,
        key: str,
        *,
        param: str | None = None,
        retry_after: float | None = None,
        **args: str | int | float,
    ) -> None:
        super().__init__(key, **args)
        self.param = param
        self.retry_after = retry_after


class LogUnavailable(Problem):
    """The log can not be read or written now; nothing was appended."""


class AppendUnknown(Problem):
    """An append whose outcome is not known: read back before acting on it."""


class RecordTooLarge(Problem):
    """A record over the log's limit; nothing was appended."""


class LogTruncated(Problem):
    """Offsets went back or the log was replaced: every projection of it is void."""


class NewerLog(Problem):
    """A partition holds transitions of a newer program; this reader stops before them."""


class StoreUnavailable(Problem):
    """The picture store can not be reached, or is full."""


class KeyExists(Problem):
    """A picture is already stored under this key; pictures are never overwritten."""


class PictureMissing(Problem):
    """No picture is stored under this key (any more)."""


class PaintFailed(Problem):
    """The painter could not paint this request; the attempt fails, the worker lives."""


class PaintCancelled(Exception):  # noqa: N818 - raised by a step callback to stop a painter, not an error
    """Raised by a step callback to stop a painter within one step."""
