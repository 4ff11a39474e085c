"""Every condition the service can name: a stable code, an HTTP status, and whether trying again may help.

One class a condition. `chalicelib.api.http.errors` maps them to responses and `chalicelib.queues.batch` to redelivery; nothing
else decides either. Messages are shown to clients: one sentence a person can act on, never a key, a token or a stack trace.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar


class JobsApiError(Exception):
    """Base of all named conditions. `passing` means the same step may succeed later, unchanged."""

    code: ClassVar[str] = "InternalError"
    http_status: ClassVar[int] = 500
    passing: ClassVar[bool] = False

    def __init__(self, message: str, details: Sequence[Mapping[str, str]] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.details = tuple(details)


# --- the request -------------------------------------------------------------------------------------------------------


class InvalidRequest(JobsApiError):
    """The request cannot be understood or breaks a rule; `details` has one entry a field."""

    code = "InvalidRequest"
    http_status = 400


class InvalidJobId(InvalidRequest):
    """Not 24 lower-case hex digits: it cannot be the id of any job."""

    code = "InvalidJobId"

    def __init__(self) -> None:
        super().__init__("A job id is 24 lower-case hex digits, as in the _id of a job.")


class InvalidCursor(InvalidRequest):
    """A cursor this service did not give out for this question, or gave out too long ago."""

    code = "InvalidCursor"

    def __init__(self) -> None:
        super().__init__("The cursor is not valid for this request or has expired: start again without it.")


class FeeLimitTooLow(InvalidRequest):
    """No block of the network takes a transaction at this maxFeePerGas, whatever its base fee is."""

    code = "FeeLimitTooLow"

    def __init__(self, limit: int, least: int) -> None:
        sentence = f"maxFeePerGas is {limit} wei; the network never takes less than {least} wei per gas."
        super().__init__(f"{sentence} Nothing was issued.", [{"field": "maxFeePerGas", "error": sentence}])


class Unauthorized(JobsApiError):
    code = "Unauthorized"
    http_status = 401


class Forbidden(JobsApiError):
    code = "Forbidden"
    http_status = 403


class NotFound(JobsApiError):
    code = "NotFound"
    http_status = 404


class JobNotFound(NotFound):
    """No such job, or one of another owner's: the two are deliberately indistinguishable."""

    code = "JobNotFound"

    def __init__(self) -> None:
        super().__init__("There is no job with this id that you may see.")


class TokenNotFound(NotFound):
    code = "TokenNotFound"

    def __init__(self, address: str) -> None:
        super().__init__(f"There is no ERC-20 token at {address}.")


class WalletNotFound(NotFound):
    """No such wallet, or one of another issuer's: the two are deliberately indistinguishable."""

    code = "WalletNotFound"

    def __init__(self) -> None:
        super().__init__("You have no wallet for this phone number.")


class AccountNotFound(NotFound):
    code = "AccountNotFound"

    def __init__(self, address: str) -> None:
        super().__init__(f"There is no account {address} here.")


class NotAToken(InvalidRequest):
    """The address is no ERC-20's: without its decimals, an amount says nothing."""

    code = "NotAToken"


class NotTokenOwner(InvalidRequest):
    """Only the token's owner mints, and none of the issuer's accounts is it."""

    code = "NotTokenOwner"


class BalanceTooLow(InvalidRequest):
    code = "BalanceTooLow"


class NotYourWallet(InvalidRequest):
    """The address is no wallet of this service, or one of another issuer's."""

    code = "NotYourWallet"


class NotYourContract(JobsApiError):
    """The account is shared, and another issuer's job created the contract."""

    code = "NotYourContract"
    http_status = 403


class ValueNotAllowed(JobsApiError):
    """The account is shared, and no administrator has allowed it to send coins."""

    code = "ValueNotAllowed"
    http_status = 403


class TransferNotMade(InvalidRequest):
    """The ERC-20 token does not do what the job asks of it, whatever its transaction says. A job fails with this code, too."""

    code = "TransferNotMade"


class MethodNotAllowed(JobsApiError):
    code = "MethodNotAllowed"
    http_status = 405


class CorrelationIdReused(JobsApiError):
    """The correlationId already names a job whose request was another one."""

    code = "CorrelationIdReused"
    http_status = 409


class JobNotRetryable(JobsApiError):
    code = "JobNotRetryable"
    http_status = 409


class JobTooLarge(JobsApiError):
    """The job has no room for another attempt: what the service keeps about it has grown too large."""

    code = "JobTooLarge"
    http_status = 409

    def __init__(self, row_bytes: int, limit: int) -> None:
        super().__init__(
            f"The job would take {row_bytes:,} bytes, and a job that is retried may take {limit:,}: issue a new one instead."
        )


class ReplyFull(JobsApiError):
    """One job of several that were named by id: the reply has no room for it, so nothing was done with it."""

    code = "ReplyFull"
    http_status = 409
    passing = True

    def __init__(self) -> None:
        super().__init__("The reply is full, so this job was left as it is: ask for it again, with fewer jobs.")


class JobNotCancellable(JobsApiError):
    code = "JobNotCancellable"
    http_status = 409


class AccountNotUnlockable(JobsApiError):
    """Its rows were restored from a backup, and may not know what it has signed since."""

    code = "AccountNotUnlockable"
    http_status = 409


class BodyTooLarge(JobsApiError):
    code = "BodyTooLarge"
    http_status = 413


class UnsupportedMediaType(JobsApiError):
    code = "UnsupportedMediaType"
    http_status = 415


class TooManyRequests(JobsApiError):
    code = "TooManyRequests"
    http_status = 429
    passing = True

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class TooManyOpenJobs(TooManyRequests):
    """The owner has as many open jobs as it may have."""

    code = "TooManyOpenJobs"

    def __init__(self, limit: int, retry_after_seconds: int) -> None:
        problem = f"You have {limit:,} open jobs, as many as one issuer may have: go on when some of them are final."
        super().__init__(problem, retry_after_seconds)


# --- inside ------------------------------------------------------------------------------------------------------------


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
    """A part we depend on does not answer: the step is tried again later, unchanged."""

    code = "ServiceUnavailable"
    http_status = 503
    passing = True


class ChainUnavailable(ServiceUnavailable):
    """No RPC endpoint gave an answer that can be believed."""

    code = "ChainUnavailable"


class SignerUnavailable(ServiceUnavailable):
    """The key service throttles or does not answer."""

    code = "SignerUnavailable"


class KeyNotReady(SignerUnavailable):
    """The account's key is so new that AWS may not let the functions use it yet."""

    code = "KeyNotReady"


class RowTooNew(ServiceUnavailable):
    """A newer version wrote the row: this one would lose what it does not know of, and leaves it to its successor. Clients are
    told that the service is unavailable, which is all that it means to them.
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
        """`job_ids` are the jobs whose rows are refused, as far as DynamoDB tells."""
        super().__init__(message)
        self.job_ids = tuple(job_ids)


class NotConfigured(JobsApiError):
    """The stage was deployed without what this request needs: an operator adds it."""

    code = "NotConfigured"
    http_status = 501


class ConfigurationError(JobsApiError):
    """A setting is missing or wrong. Final: the message says which one and what it should be."""

    code = "ConfigurationError"
