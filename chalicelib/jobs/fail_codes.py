"""The codes of failed jobs: one list. The API reference tells what each means (`chalicelib.api.jobs.codes`)."""

from enum import StrEnum


class FailCode(StrEnum):
    """Why a job failed, as `failCode` tells it. Clients and stored rows have these strings: none may change."""

    # before it was signed
    ESTIMATE_REVERTED = "EstimateReverted"
    ESTIMATE_TOO_SLOW = "EstimateTooSlow"
    CANNOT_BE_SIGNED = "CannotBeSigned"
    NOT_YOUR_CONTRACT = "NotYourContract"
    NO_CONTRACT = "NoContract"
    ROW_REFUSED = "RowRefused"
    DEAD_LETTERED = "DeadLettered"
    INTERNAL_ERROR = "InternalError"
    # before or after it was signed
    EXPIRED = "Expired"
    # after it was signed
    TRANSACTION_REJECTED = "TransactionRejected"
    FEE_LIMIT_TOO_LOW = "FeeLimitTooLow"
    NONCE_USED_ELSEWHERE = "NonceUsedElsewhere"
    # after it was mined
    TRANSACTION_REVERTED = "TransactionReverted"
    OUT_OF_GAS = "OutOfGas"
    TRANSFER_NOT_MADE = "TransferNotMade"
    REORGED_AWAY = "ReorgedAway"
