"""The base class of every named error, and the errors of the service itself: a part does not answer, a row is refused."""

from collections.abc import Mapping, Sequence
from typing import ClassVar


class JobsApiError(Exception):
    """A fault of the service. Report the requestId.

    The base of all conditions. `passing` means that the same step may succeed later, unchanged.
    """

    code: ClassVar[str] = "InternalError"
    http_status: ClassVar[int] = 500
    passing: ClassVar[bool] = False

    def __init__(self, message: str, details: Sequence[Mapping[str, str]] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.details = tuple(details)


class VersionConflict(JobsApiError):
    """Somebody else changed the record first. Re-read, and yield if the step is no longer due (invariant 7)."""

    code = "VersionConflict"
    http_status = 409
    passing = True


class JobsChanged(VersionConflict):
    """Somebody else changed some jobs of a round first, and nothing but these jobs: nothing of the round was written."""

    def __init__(self, message: str, job_ids: Sequence[str]) -> None:
        super().__init__(message)
        self.job_ids = tuple(job_ids)


class ServiceUnavailable(JobsApiError):
    """A part that the service depends on does not answer. Repeat the request, unchanged."""

    code = "ServiceUnavailable"
    http_status = 503
    passing = True


class ChainUnavailable(ServiceUnavailable):
    """No node of the chain gave an answer that can be believed. Repeat the request, unchanged."""

    code = "ChainUnavailable"


class SignerUnavailable(ServiceUnavailable):
    """The key service throttles or does not answer. Repeat the request, unchanged."""

    code = "SignerUnavailable"


class KeyNotReady(SignerUnavailable):
    """The key of the account is so new that its key service may refuse it for some minutes. Repeat the request."""

    code = "KeyNotReady"


class RowTooNew(ServiceUnavailable):
    """A newer version of the service wrote the row. This version would lose what it does not know, so it leaves the row alone.

    Clients see the code ServiceUnavailable.
    """

    def __init__(self) -> None:
        super().__init__("A newer version of this service, which is being deployed, has written the job: try again.")


class RowUnreadable(JobsApiError):
    """A row of the jobs table that makes no job. Final: an operator has to look at it. It must not stop the work on others."""

    code = "RowUnreadable"

    def __init__(self, job_id: str, problem: str) -> None:
        super().__init__(f"The row of the job {job_id} cannot be read: {problem}.")
        self.job_id = job_id


class WriteRefused(JobsApiError):
    """DynamoDB does not take a row, whenever it is asked: usually the row is too large. Nothing was written."""

    code = "WriteRefused"

    def __init__(self, message: str, job_ids: Sequence[str] = ()) -> None:
        """`job_ids` are the jobs whose rows are refused, as far as DynamoDB names them."""
        super().__init__(message)
        self.job_ids = tuple(job_ids)


class NotConfigured(JobsApiError):
    """The stage was deployed without what this request needs. An operator has to add it."""

    code = "NotConfigured"
    http_status = 501


class ConfigurationError(JobsApiError):
    """A setting is missing or wrong. Final: the message says which one and what it should be."""

    code = "ConfigurationError"
