"""What replies about jobs look like: the API reference is made from these types, and mypy checks the views against them.

Only the reference imports this module. The views name the types in annotations only, so no request waits for pydantic.
"""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Field, WithJsonSchema, with_config
from typing_extensions import TypeAliasType, TypedDict

from chalicelib.api.jobs.codes import FAIL_MEANINGS, WAIT_MEANINGS
from chalicelib.api.schema.codes import codes
from chalicelib.api.schema.errors import ErrorView
from chalicelib.api.schema.texts import AddressText, CursorText, GasText, HashText, HexText, JobIdText, TimeText, WeiText
from chalicelib.jobs.model import Outcome, Purpose, Status

WaitCode = TypeAliasType("WaitCode", Annotated[str, codes("Why a pending job is not signed yet.", WAIT_MEANINGS)])
FailCode = TypeAliasType("FailCode", Annotated[str, codes("Why a job failed.", FAIL_MEANINGS)])
StatusText = Annotated[str, WithJsonSchema({"type": "string", "enum": list(Status)})]
OutcomeText = Annotated[str, WithJsonSchema({"type": "string", "enum": list(Outcome)})]
PurposeText = Annotated[
    str, WithJsonSchema({"type": "string", "enum": [purpose for purpose in Purpose if purpose is not Purpose.ORIGINAL]})
]


@with_config(ConfigDict(extra="ignore"))  # JobDataView allows more, and this type must not inherit that
class TransactionBodyView(TypedDict):
    """The state of the job's transaction on chain."""

    status: Literal["pending", "confirmed", "failed"]
    blockNumber: NotRequired[int]
    gasUsed: NotRequired[GasText]
    effectiveGasPrice: NotRequired[WeiText]


def _of(*jobs: str) -> Any:
    return Field(description=f"only in jobs named {', '.join(jobs)}")


_AMOUNT = ("mint", "burn", "adminTransfer")


_HolderView = TypedDict("_HolderView", {"from": NotRequired[Annotated[AddressText, _of("burn")]]})


class _NamedView(TypedDict):
    bridgeType: Literal["home"]
    accountAddress: AddressText
    value: WeiText
    correlationId: NotRequired[str]
    externalId: NotRequired[str]
    to: NotRequired[AddressText]
    data: NotRequired[HexText]
    txHash: NotRequired[HashText]
    transactionBody: NotRequired[TransactionBodyView]
    txFee: NotRequired[WeiText]
    totalFee: NotRequired[
        Annotated[WeiText, Field(description="cost of all mined transactions of all attempts, with cancel transactions")]
    ]
    contractAddress: NotRequired[
        Annotated[AddressText, Field(description="the contract that the transaction deployed, once it is mined")]
    ]
    issuedByAdministrator: NotRequired[
        Annotated[bool, Field(description="true for an administrator's job on a shared account")]
    ]
    tokenAddress: NotRequired[Annotated[AddressText, _of("createToken", *_AMOUNT)]]
    amount: NotRequired[
        Annotated[WeiText, Field(description="only in jobs named mint, burn, adminTransfer; in smallest units of the token")]
    ]
    amountReceived: NotRequired[
        Annotated[WeiText, Field(description="what arrived, in smallest units of the token, where it is less than the amount")]
    ]
    decimalsMissing: NotRequired[
        Annotated[bool, Field(description="true where the token has no decimals: amounts are in smallest units")]
    ]
    toAddress: NotRequired[Annotated[AddressText, _of("mint")]]
    wallet: NotRequired[Annotated[AddressText, _of("adminTransfer")]]
    name: NotRequired[Annotated[str, _of("createToken")]]
    symbol: NotRequired[Annotated[str, _of("createToken")]]
    initialSupplyInWei: NotRequired[Annotated[WeiText, _of("createToken")]]
    tokenURI: NotRequired[Annotated[str, _of("createToken")]]
    expiryTimestamp: NotRequired[Annotated[int, Field(description="only in jobs named createToken; seconds since 1970")]]
    spendabilityIdsArr: NotRequired[Annotated[list[str], _of("createToken")]]
    owner: NotRequired[Annotated[AddressText, _of("createWallet")]]
    phoneNumber: NotRequired[Annotated[str, Field(description="only in jobs named createWallet, and only for its issuer")]]
    salt: NotRequired[Annotated[HashText, _of("createWallet")]]
    walletAddress: NotRequired[Annotated[AddressText, Field(description="only in jobs named createWallet, once it is mined")]]
    blockNumber: NotRequired[Annotated[int, Field(description="the block in which the token or wallet was created")]]


@with_config(ConfigDict(extra="allow"))
class JobDataView(_NamedView, _HolderView):
    """What the issuer asked for, and the result. Some fields are in every job, others only in jobs of some names."""


class TransactionView(TypedDict):
    """One signed transaction of an attempt. A legacy transaction has gasPrice in place of the two maximum fees."""

    hash: HashText
    at: TimeText
    maxFeePerGas: NotRequired[WeiText]
    maxPriorityFeePerGas: NotRequired[WeiText]
    gasPrice: NotRequired[WeiText]
    purpose: NotRequired[PurposeText]


class AttemptView(TypedDict):
    """One try of the job: one nonce, and every transaction that was signed for it."""

    nonce: int
    transactions: list[TransactionView]
    outcome: NotRequired[OutcomeText]


class EventView(TypedDict):
    """One line of the history of a job."""

    at: TimeText
    event: str
    detail: NotRequired[str]


class WaitView(TypedDict):
    """Why a pending job is not signed yet. After a day (a setting of the stage) it fails with CannotBeSigned."""

    code: WaitCode
    reason: str
    until: NotRequired[Annotated[TimeText, Field(description="when a worker looks at the job again")]]


class JobView(TypedDict):
    """A job. failReason, failCode and failedAt tell about its last failure, also after a retry. status tells its state now."""

    _id: JobIdText
    name: str
    status: StatusText
    data: JobDataView
    waitsFor: NotRequired[WaitView]
    accountAddress: AddressText
    createdAt: TimeText
    updatedAt: TimeText
    lastFinishedAt: NotRequired[TimeText]
    failedAt: NotRequired[TimeText]
    failReason: NotRequired[str]
    failCode: NotRequired[FailCode]
    failCount: NotRequired[int]
    attempts: list[AttemptView]
    history: list[EventView]


class IssuedView(TypedDict):
    job: JobView


class OneJobView(TypedDict):
    data: JobView


class JobPageView(TypedDict):
    data: list[JobView]
    nextCursor: NotRequired[CursorText]


class RefusalView(ErrorView):
    """A job that was not retried, and why. `_id` is the text that was sent."""

    _id: str


class RetriesView(TypedDict):
    data: list[JobView | RefusalView]
    size: int
    nextCursor: NotRequired[CursorText]
