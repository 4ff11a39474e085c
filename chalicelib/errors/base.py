"""The base class of every named error."""

from collections.abc import Mapping, Sequence
from typing import ClassVar


class JobsApiError(Exception):
    """Base class of the named errors. `passing` means that the same step may succeed later, unchanged."""

    code: ClassVar[str] = "InternalError"
    http_status: ClassVar[int] = 500
    passing: ClassVar[bool] = False

    def __init__(self, message: str, details: Sequence[Mapping[str, str]] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.details = tuple(details)
