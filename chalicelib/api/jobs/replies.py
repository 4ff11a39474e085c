"""What replies look like: the types that the API reference is made from, and that the views are checked against.

Only the reference imports this module. To the views these are annotations: no request waits for pydantic to read them.
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


@with_config(ConfigDict(extra="ignore"))  # not that of what it stands in
class TransactionBodyView(TypedDict):
    """How the job's transaction stands on chain."""

    status: Literal["pending", "confirmed", "failed"]
    blockNumber: NotRequired[int]
    gasUsed: NotRequired[GasText]
    effectiveGasPrice: NotRequired[WeiText]


def _of(*jobs: str) -> Any:
    return Field(description=f"of {', '.join(jobs)}")


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
        Annotated[WeiText, Field(description="cost of all mined transactions of all attempts, cancel transactions included")]
    ]
    contractAddress: NotRequired[
        Annotated[AddressText, Field(description="of a contract that the transaction deployed: once it is mined")]
    ]
    issuedByAdministrator: NotRequired[
        Annotated[bool, Field(description="true for an administrator's job on a shared account")]
    ]
    tokenAddress: NotRequired[Annotated[AddressText, _of("createToken", *_AMOUNT)]]
    amount: NotRequired[Annotated[WeiText, Field(description="of mint, burn, adminTransfer: in the token's smallest units")]]
    amountReceived: NotRequired[
        Annotated[WeiText, Field(description="what arrived, in the token's smallest units, where it is not the whole amount")]
    ]
    decimalsMissing: NotRequired[
        Annotated[bool, Field(description="true where the token tells no decimals: amounts are units")]
    ]
    toAddress: NotRequired[Annotated[AddressText, _of("mint")]]
    wallet: NotRequired[Annotated[AddressText, _of("adminTransfer")]]
    name: NotRequired[Annotated[str, _of("createToken")]]
    symbol: NotRequired[Annotated[str, _of("createToken")]]
    initialSupplyInWei: NotRequired[Annotated[WeiText, _of("createToken")]]
    tokenURI: NotRequired[Annotated[str, _of("createToken")]]
    expiryTimestamp: NotRequired[Annotated[int, Field(description="of createToken: seconds since 1970")]]
    spendabilityIdsArr: NotRequired[Annotated[list[str], _of("createToken")]]
    owner: NotRequired[Annotated[AddressText, _of("createWallet")]]
    phoneNumber: NotRequired[Annotated[str, Field(description="of createWallet: shown to its issuer alone")]]
    salt: NotRequired[Annotated[HashText, _of("createWallet")]]
    walletAddress: NotRequired[Annotated[AddressText, Field(description="of createWallet: once it is mined")]]
    blockNumber: NotRequired[Annotated[int, Field(description="where it was made: once it is mined")]]


@with_config(ConfigDict(extra="allow"))
class JobDataView(_NamedView, _HolderView):
    """What was asked for and what came of it: the fields that all jobs have, and those of the job's name."""


class TransactionView(TypedDict):
    """One signed transaction of an attempt: with maxFeePerGas and maxPriorityFeePerGas, or a legacy one's gasPrice."""

    hash: HashText
    at: TimeText
    maxFeePerGas: NotRequired[WeiText]
    maxPriorityFeePerGas: NotRequired[WeiText]
    gasPrice: NotRequired[WeiText]
    purpose: NotRequired[PurposeText]


class AttemptView(TypedDict):
    """One try of the job: one nonce, and every transaction signed for it."""

    nonce: int
    transactions: list[TransactionView]
    outcome: NotRequired[OutcomeText]


class EventView(TypedDict):
    at: TimeText
    event: str
    detail: NotRequired[str]


class WaitView(TypedDict):
    """Why a pending job is not signed. One that cannot be signed for a day (a setting of the stage) fails: CannotBeSigned."""

    code: WaitCode
    reason: str
    until: NotRequired[Annotated[TimeText, Field(description="when the job is looked at again")]]


class JobView(TypedDict):
    """failReason, failCode and failedAt tell of the last failure, also of a job retried since: status says how it is now."""

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
    """A job that was not retried, and why. `_id` is what was sent."""

    _id: str


class RetriesView(TypedDict):
    data: list[JobView | RefusalView]
    size: int
    nextCursor: NotRequired[CursorText]
