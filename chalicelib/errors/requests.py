"""Errors that refuse what a client asked for."""

from chalicelib.errors.service import JobsApiError


class InvalidRequest(JobsApiError):
    """The request cannot be understood or breaks a rule. `details` has one entry for each wrong field."""

    code = "InvalidRequest"
    http_status = 400


class InvalidJobId(InvalidRequest):
    """The id is not 24 lower-case hex digits, so no job can have it."""

    code = "InvalidJobId"

    def __init__(self) -> None:
        super().__init__("A job id is 24 lower-case hex digits, as in the _id of a job.")


class InvalidCursor(InvalidRequest):
    """The service did not issue this cursor for this request, or issued it too long ago."""

    code = "InvalidCursor"

    def __init__(self) -> None:
        super().__init__("The cursor is not valid for this request or has expired: start again without it.")


class FeeLimitTooLow(InvalidRequest):
    """No block of the network takes a transaction with this maxFeePerGas, even at the lowest base fee."""

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
    """The job does not exist, or belongs to another owner. The client must not be able to tell which."""

    code = "JobNotFound"

    def __init__(self) -> None:
        super().__init__("There is no job with this id that you may see.")


class TokenNotFound(NotFound):
    code = "TokenNotFound"

    def __init__(self, address: str) -> None:
        super().__init__(f"There is no ERC-20 token at {address}.")


class WalletNotFound(NotFound):
    """The wallet does not exist, or belongs to another issuer. The client must not be able to tell which."""

    code = "WalletNotFound"

    def __init__(self) -> None:
        super().__init__("You have no wallet for this phone number.")


class AccountNotFound(NotFound):
    code = "AccountNotFound"

    def __init__(self, address: str) -> None:
        super().__init__(f"There is no account {address} here.")


class NotAToken(InvalidRequest):
    """The address is not an ERC-20 token. Without a token's decimals, an amount cannot be converted."""

    code = "NotAToken"


class NotTokenOwner(InvalidRequest):
    """Only the owner of the ERC-20 token can mint, and no account of the issuer owns it."""

    code = "NotTokenOwner"


class BalanceTooLow(InvalidRequest):
    code = "BalanceTooLow"


class NotYourWallet(InvalidRequest):
    """The address is not a wallet of this service, or the wallet belongs to another issuer."""

    code = "NotYourWallet"


class NotYourContract(JobsApiError):
    """The account is shared, and a job of another issuer created the contract."""

    code = "NotYourContract"
    http_status = 403


class ValueNotAllowed(JobsApiError):
    """The account is shared, and no administrator has allowed it to send coins."""

    code = "ValueNotAllowed"
    http_status = 403


class TransferNotMade(InvalidRequest):
    """The ERC-20 token did not move what the job asks for, although its transaction succeeds. Jobs fail with this code, too."""

    code = "TransferNotMade"


class MethodNotAllowed(JobsApiError):
    code = "MethodNotAllowed"
    http_status = 405


class CorrelationIdReused(JobsApiError):
    """The correlationId already belongs to a job with another request."""

    code = "CorrelationIdReused"
    http_status = 409


class JobNotRetryable(JobsApiError):
    code = "JobNotRetryable"
    http_status = 409


class JobTooLarge(JobsApiError):
    """The job's row has no room for another attempt."""

    code = "JobTooLarge"
    http_status = 409

    def __init__(self, row_bytes: int, limit: int) -> None:
        super().__init__(
            f"The job would take {row_bytes:,} bytes, and a job that is retried may take {limit:,}: issue a new one instead."
        )


class ReplyFull(JobsApiError):
    """The reply has no room for one of the jobs that the request names, so the job was left as it was."""

    code = "ReplyFull"
    http_status = 409
    passing = True

    def __init__(self) -> None:
        super().__init__("The reply is full, so this job was left as it is: ask for it again, with fewer jobs.")


class JobNotCancellable(JobsApiError):
    code = "JobNotCancellable"
    http_status = 409


class AccountNotUnlockable(JobsApiError):
    """The account's rows come from a backup, and may lack what the account has signed since then."""

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
    """The owner has as many open jobs as one owner may have."""

    code = "TooManyOpenJobs"

    def __init__(self, limit: int, retry_after_seconds: int) -> None:
        problem = f"You have {limit:,} open jobs, as many as one issuer may have: go on when some of them are final."
        super().__init__(problem, retry_after_seconds)
