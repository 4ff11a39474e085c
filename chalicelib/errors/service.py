"""The base class of every named error, and the errors of the service itself: a part does not answer, a row is refused."""

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


class VersionConflict(JobsApiError):
    """Another writer changed the record first. Read it again, and stop if the step is no longer due (invariant 7)."""

    code = "VersionConflict"
    http_status = 409
    passing = True


class JobsChanged(VersionConflict):
    """Another writer changed these jobs of a round first. The account is unchanged, and nothing of the round was written."""

    def __init__(self, message: str, job_ids: Sequence[str]) -> None:
        super().__init__(message)
        self.job_ids = tuple(job_ids)


class ServiceUnavailable(JobsApiError):
    """A part that this service depends on does not answer. The step is tried again later, unchanged."""

    code = "ServiceUnavailable"
    http_status = 503
    passing = True


class ChainUnavailable(ServiceUnavailable):
    """No RPC endpoint gave an answer that can be trusted."""

    code = "ChainUnavailable"


class SignerUnavailable(ServiceUnavailable):
    """The key service throttles or does not answer."""

    code = "SignerUnavailable"


class KeyNotReady(SignerUnavailable):
    """The account's key is so new that its key service may refuse it for some minutes."""

    code = "KeyNotReady"


class RowTooNew(ServiceUnavailable):
    """A newer version of the service wrote the row. This version leaves it alone, because its write would drop new attributes.

    Clients see only that the service is unavailable.
    """

    def __init__(self) -> None:
        super().__init__("A newer version of this service, which is being deployed, has written the job: try again.")


class RowUnreadable(JobsApiError):
    """A row of the jobs table cannot be read as a job. An operator must look at it. It must not stop the work on other jobs."""

    code = "RowUnreadable"

    def __init__(self, job_id: str, problem: str) -> None:
        super().__init__(f"The row of the job {job_id} cannot be read: {problem}.")
        self.job_id = job_id


class WriteRefused(JobsApiError):
    """DynamoDB will never take a row, usually because it is too large. Nothing was written."""

    code = "WriteRefused"

    def __init__(self, message: str, job_ids: Sequence[str] = ()) -> None:
        """`job_ids` are the jobs whose rows are refused, as far as DynamoDB names them."""
        super().__init__(message)
        self.job_ids = tuple(job_ids)


class NotConfigured(JobsApiError):
    """The stage was deployed without something that this request needs. An operator must add it."""

    code = "NotConfigured"
    http_status = 501


class ConfigurationError(JobsApiError):
    """A setting is missing or wrong. The message says which one, and what it must be."""

    code = "ConfigurationError"
