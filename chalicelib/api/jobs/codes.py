"""The codes of jobs that wait and of jobs that failed, with the meanings that the API reference tells."""

from collections.abc import Mapping

from chalicelib.jobs.fail_codes import FailCode
from chalicelib.jobs.model import WaitCode

WAIT_MEANINGS: Mapping[WaitCode, str] = {
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
FAIL_MEANINGS: Mapping[FailCode, str] = {
    FailCode.ESTIMATE_REVERTED: "Its gas estimate reverts, and no earlier transaction of the account can change that any more."
    " It was not signed. failReason has the decoded reason.",
    FailCode.ESTIMATE_TOO_SLOW: "Its gas estimate, asked for alone, was too slow or too large for minutes. It was not signed.",
    FailCode.CANNOT_BE_SIGNED: "It could not be signed for a day (a setting of the stage). failReason tells why.",
    FailCode.NOT_YOUR_CONTRACT: "It calls a contract that another issuer's job created, or a wallet that no job of its issuer"
    " created. A shared account may not call these. It was not signed.",
    FailCode.NO_CONTRACT: "There is no contract at the address that it calls. A shared account calls contracts only."
    " It was not signed.",
    FailCode.ROW_REFUSED: "The table did not take its row, which is probably too large. It was not signed: issue a new job.",
    FailCode.DEAD_LETTERED: "Its queue messages failed until the queue gave them up, three times. It was not signed.",
    FailCode.INTERNAL_ERROR: "The service could not build its transaction. It was not signed: report the job's _id.",
    FailCode.EXPIRED: "Its validUntil passed before it was signed, or before its transaction was mined.",
    FailCode.TRANSACTION_REJECTED: "No node takes its signed transaction. Another transaction has used the nonce.",
    FailCode.FEE_LIMIT_TOO_LOW: "Its maxFeePerGas was too low for many blocks, while later transactions of the account waited"
    " for its nonce. Another transaction has used the nonce.",
    FailCode.NONCE_USED_ELSEWHERE: "Another program signs with the same account and took its nonce several times in a row.",
    FailCode.TRANSACTION_REVERTED: "Its transaction was mined and reverted: it had no effect, but its gas was paid for."
    " failReason has the decoded reason.",
    FailCode.OUT_OF_GAS: "Its transaction ran out of the gas that the service had estimated, several times in a row.",
    FailCode.TRANSFER_NOT_MADE: "Its transaction was mined, but the ERC-20 token moved nothing: no Transfer event says so.",
    FailCode.REORGED_AWAY: "A reorg replaced the block of its transaction after it had succeeded, and another program used its"
    " nonce since.",
}
