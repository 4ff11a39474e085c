"""The codes of `waitsFor`, and what each means, as the reference tells it."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import WithJsonSchema

from chalicelib.jobs.model import WaitCode

MEANINGS: Mapping[WaitCode, str] = {
    WaitCode.ACCOUNT_PAUSED: "An operator has paused the account. A job does not fail while that is so.",
    WaitCode.ACCOUNT_MISSING: "The account is not set up.",
    WaitCode.FUNDS_TOO_LOW: "The account's coins do not cover the value and gas of this job, or of any transaction.",
    WaitCode.EARLIER_TRANSACTIONS: "Its gas estimate reverts, and earlier jobs of the account, which it may need, are not"
    " signed or not settled. After a bounded wait the revert is believed, and the job fails.",
    WaitCode.FEE_LIMIT_TOO_LOW: "Its maxFeePerGas is below the price that the next block takes.",
    WaitCode.TOO_MANY_IN_FLIGHT: (
        "The account has as many transactions in flight as the network takes, "
        "or its issuer as much as one issuer may have on a shared account."
    ),
    WaitCode.ESTIMATE_FAILED: "The node's answer to its gas estimate cannot be believed.",
    WaitCode.ESTIMATE_TOO_SLOW: "Its gas estimate, asked for alone, takes too long or answers too much. If that stays so for"
    " minutes, the job fails: EstimateTooSlow.",
    WaitCode.CHAIN_UNAVAILABLE: "No node of the chain answers.",
    WaitCode.SIGNER_UNAVAILABLE: "The key service throttles, does not answer, or does not know the key yet.",
    WaitCode.ROW_REFUSED: "The table does not take the job's row.",
    WaitCode.NOT_CONFIGURED: "The stage lacks what the job needs, or the account's key cannot be used.",
    WaitCode.CONTRACT_TOO_NEW: "A shared account calls a contract of which it is not certain yet who created it.",
    WaitCode.OTHER: "Another reason, which the sentence tells.",
}
WaitCodeText = Annotated[
    str,
    WithJsonSchema(
        {
            "type": "string",
            "enum": list(WaitCode),
            "description": " ".join(f"{code}: {meaning}" for code, meaning in MEANINGS.items()),
        }
    ),
]
