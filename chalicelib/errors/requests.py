"""Errors that refuse what a client asked for."""

from chalicelib.errors.service import JobsApiError


class InvalidRequest(JobsApiError):
    """The request breaks a rule; nothing was done. `details` has an entry for each field that is wrong."""

    code = "InvalidRequest"
    http_status = 400


class InvalidJobId(InvalidRequest):
    """The text is not 24 lower-case hex digits, so it cannot be the id of a job."""

    code = "InvalidJobId"

    def __init__(self) -> None:
        super().__init__("A job id is 24 lower-case hex digits, as in the _id of a job.")


class InvalidCursor(InvalidRequest):
    """The cursor was given for another question, was changed, or has expired. Start again without it."""

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
    """The request has no JWT, or one that is not valid or has expired."""

    code = "Unauthorized"
    http_status = 401


class Forbidden(JobsApiError):
    """The JWT is valid but does not give this right. `error` names the claim or the account."""

    code = "Forbidden"
    http_status = 403


class NotFound(JobsApiError):
    """There is nothing at this path."""

    code = "NotFound"
    http_status = 404


class JobNotFound(NotFound):
    """There is no job with this id, or it belongs to another issuer."""

    code = "JobNotFound"

    def __init__(self) -> None:
        super().__init__("There is no job with this id that you may see.")


class TokenNotFound(NotFound):
    """There is no ERC-20 token at this address."""

    code = "TokenNotFound"

    def __init__(self, address: str) -> None:
        super().__init__(f"There is no ERC-20 token at {address}.")


class WalletNotFound(NotFound):
    """You have no wallet for this phone number."""

    code = "WalletNotFound"

    def __init__(self) -> None:
        super().__init__("You have no wallet for this phone number.")


class AccountNotFound(NotFound):
    """This service has no account with this address."""

    code = "AccountNotFound"

    def __init__(self, address: str) -> None:
        super().__init__(f"There is no account {address} here.")


class NotAToken(InvalidRequest):
    """There is no ERC-20 token at this address. Without its decimals the amount has no meaning."""

    code = "NotAToken"


class NotTokenOwner(InvalidRequest):
    """Only the owner of the ERC-20 token can mint, and no account of yours owns it."""

    code = "NotTokenOwner"


class BalanceTooLow(InvalidRequest):
    """The holder has fewer ERC-20 tokens than the request asks for."""

    code = "BalanceTooLow"


class NotYourWallet(InvalidRequest):
    """The address is not a wallet of this service, or it belongs to another issuer."""

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
    """The ERC-20 token does not do what the job asks of it, although its transaction would not revert."""

    code = "TransferNotMade"


class MethodNotAllowed(JobsApiError):
    """This path does not take this verb. The header Allow lists those that it takes."""

    code = "MethodNotAllowed"
    http_status = 405


class CorrelationIdReused(JobsApiError):
    """The correlationId already names a job that was issued with another request."""

    code = "CorrelationIdReused"
    http_status = 409


class JobNotRetryable(JobsApiError):
    """The job is not failed or cancelled, or it has no chance today. `error` says why."""

    code = "JobNotRetryable"
    http_status = 409


class JobTooLarge(JobsApiError):
    """The service keeps too much data about the job to try it again. Issue a new job."""

    code = "JobTooLarge"
    http_status = 409

    def __init__(self, row_bytes: int, limit: int) -> None:
        super().__init__(
            f"The job would take {row_bytes:,} bytes, and a job that is retried may take {limit:,}: issue a new one instead."
        )


class ReplyFull(JobsApiError):
    """The reply has no room for this job, so nothing was done with it. Ask for it again, with fewer jobs."""

    code = "ReplyFull"
    http_status = 409
    passing = True

    def __init__(self) -> None:
        super().__init__("The reply is full, so this job was left as it is: ask for it again, with fewer jobs.")


class JobNotCancellable(JobsApiError):
    """The job has succeeded or failed, or a worker is changing it just now. `error` says which."""

    code = "JobNotCancellable"
    http_status = 409


class AccountNotUnlockable(JobsApiError):
    """The rows of the account were restored from a backup and not compared with the chain yet."""

    code = "AccountNotUnlockable"
    http_status = 409


class BodyTooLarge(JobsApiError):
    """The body has more bytes than this API takes."""

    code = "BodyTooLarge"
    http_status = 413


class UnsupportedMediaType(JobsApiError):
    """The body is not declared as JSON in UTF-8, or it is compressed."""

    code = "UnsupportedMediaType"
    http_status = 415


class TooManyRequests(JobsApiError):
    """The issuer has sent as many requests as it may send in a minute. Retry-After says when to go on."""

    code = "TooManyRequests"
    http_status = 429
    passing = True

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class TooManyOpenJobs(TooManyRequests):
    """The issuer has as many open jobs as it may have. Go on when some of them are final."""

    code = "TooManyOpenJobs"

    def __init__(self, limit: int, retry_after_seconds: int) -> None:
        problem = f"You have {limit:,} open jobs, as many as one issuer may have: go on when some of them are final."
        super().__init__(problem, retry_after_seconds)
