"""What clients send about jobs, as models."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema

from chalicelib.api.http.body import NO_BODY
from chalicelib.api.http.errors import invalid
from chalicelib.api.http.values import DEFAULT_PAGE, MAX_IDS
from chalicelib.api.schema.fields import (
    Address,
    Amount,
    CallData,
    Flag,
    Gas,
    Id,
    JobId,
    JobIds,
    Limit,
    Model,
    PositiveAmount,
    Text,
    Time,
)
from chalicelib.api.schema.models import Checked
from chalicelib.errors import InvalidRequest
from chalicelib.jobs.model import RETRYABLE, Status, TransactionRequest

MAX_DATA_BYTES = 64 * 1024
"""Nodes take transactions of up to 128 KiB. A row of the jobs table takes 400 KB, and holds replacement transactions too."""


# --- issue -------------------------------------------------------------------------------------------------------------


class ContractCall(Model):
    """A function of a contract, and its arguments."""

    function: str = Field(
        description="signature of the function, in canonical types",
        examples=["transfer(address,uint256)"],
    )
    args: list[Any] = Field(
        default_factory=list,
        description="arguments: integers as decimal strings or JSON integers, bytes as hex, arrays and tuples as arrays",
    )

    def encoded(self) -> bytes:
        """Return the call data. Raises InvalidRequest when signature and arguments do not fit together."""
        from chalicelib.chain.contracts.abi import encode_call  # noqa: PLC0415 -- brings eth_abi: 0.1 s that other requests do not need

        try:
            return encode_call(self.function, self.args, MAX_DATA_BYTES)
        except InvalidRequest as error:
            raise invalid([("call", error.message)]) from None


class IssueBody(Checked):
    """One transaction, and ids for its job. Send `data` or `call`, not both. Null means the same as an absent field."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "to": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
                    "call": {
                        "function": "transfer(address,uint256)",
                        "args": ["0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359", "1000000000000000000"],
                    },
                    "correlationId": "order-1",
                }
            ]
        }
    )

    to: Address | None = Field(
        default=None,
        description="contract or account that gets the transaction; without it, `data` is the code of a contract to deploy",
    )
    value: Amount | None = Field(default=None, description="coins that the transaction sends; 0 by default")
    data: CallData | None = Field(default=None, description=f"at most {MAX_DATA_BYTES:,} bytes")
    call: ContractCall | None = Field(default=None, description="function and arguments, which become the call data")
    sender: Address | None = Field(
        default=None,
        alias="from",
        description="account that signs; by default one of the pool of the JWT's role, or the JWT's own account",
    )
    network: str | None = Field(default=None, description="name of the network that this stage serves; another one is refused")
    gas: Gas | None = Field(default=None, description="gas limit; by default the service estimates it")
    max_fee_per_gas: PositiveAmount | None = Field(
        default=None, description="most that any transaction of the job may offer for a unit of gas"
    )
    valid_until: Time | None = Field(default=None, description="time after which the job is not signed")
    correlation_id: Id | None = Field(
        default=None,
        description="your own id of the job: the same request with it gives the same job, another request answers 409",
    )
    external_id: Id | None = Field(default=None, description="another id of yours, which many jobs may share")

    def transaction(self, network: str) -> TransactionRequest:
        """Return the transaction. Raises InvalidRequest for another network, and where fields do not go together."""
        if self.network is not None and self.network != network:
            raise invalid([("network", f"This stage sends transactions on {network} only: send {network}, or leave it out.")])
        return TransactionRequest(
            to=self.to,
            value=self.value or 0,
            data=self._call_data(),
            gas=self.gas,
            max_fee_per_gas=self.max_fee_per_gas,
            valid_until=self.valid_until,
        )

    def _call_data(self) -> bytes:
        if self.call is not None and self.data is not None:
            raise invalid([("call", "The body has data and call: send one of them.")])
        if self.to is None and not self.data:
            raise invalid([("to", "There is no address: send one, or send the code of a contract to deploy as data.")])
        data = self.call.encoded() if self.call is not None else self.data or b""
        if len(data) > MAX_DATA_BYTES:
            raise invalid(
                [
                    (
                        "call" if self.call else "data",
                        f"The call data has {len(data):,} bytes; at most {MAX_DATA_BYTES:,} are taken.",
                    )
                ]
            )
        return data


# --- queries -----------------------------------------------------------------------------------------------------------


def _status(value: Any) -> Status:
    try:
        return Status(value)
    except ValueError:
        raise ValueError(f"status must be one of {', '.join(Status)}.") from None


def _retryable(value: Any) -> Status:
    if not isinstance(value, str) or value not in RETRYABLE:
        raise ValueError(f"status must be one of {', '.join(sorted(RETRYABLE))}: other jobs cannot be retried.")
    return Status(value)


_LIMIT = "most jobs in the page; a page may be shorter and still have a nextCursor"
_CURSOR = "nextCursor of the page before, with the same filters"

AnyStatus = Annotated[Status, BeforeValidator(_status), WithJsonSchema({"type": "string", "enum": list(Status)})]
RetryableStatus = Annotated[Status, BeforeValidator(_retryable), WithJsonSchema({"type": "string", "enum": sorted(RETRYABLE)})]


class ListQuery(Checked):
    status: AnyStatus | None = Field(default=None, description="only jobs with this status")
    name: Text | None = Field(default=None, description="only jobs of this name")
    correlation_id: Text | None = Field(default=None, description="only the job with exactly this correlationId")
    account_address: Address | None = Field(default=None, description="only jobs that this account signs")
    limit: Limit = Field(default=DEFAULT_PAGE, description=_LIMIT)
    cursor: str | None = Field(default=None, description=_CURSOR)

    def scope(self) -> Mapping[str, str | None]:
        """Return the filters that a cursor of this listing is bound to."""
        scope = {"status": self.status, "name": self.name}
        more = {"correlationId": self.correlation_id, "accountAddress": self.account_address}
        return {**scope, **{name: value for name, value in more.items() if value is not None}}


class ExternalQuery(Checked):
    external_id: Text
    cursor: str | None = Field(default=None, description=_CURSOR)

    def scope(self) -> Mapping[str, str | None]:
        """Return the filter that a cursor of this look-up is bound to."""
        return {"externalId": self.external_id}


class JobPath(Checked):
    job_id: JobId


class CorrelationIdPath(Checked):
    correlation_id: Text


class RetryOneBody(Checked):
    """What a retry of one job changes."""

    valid_until: Time | None = Field(
        default=None, description="replaces the validUntil of the job; needed when that has passed"
    )


class RetryFilters(Checked):
    """A job must fit all filters that are given, and at least one is needed. Send each in the query or in the body."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"status": "failed", "code": "TransactionReverted", "dryRun": True}]}
    )

    ids: JobIds | None = Field(default=None, description=f"only these jobs, at most {MAX_IDS}")
    name: Text | None = Field(default=None, description="only jobs of this name")
    status: RetryableStatus | None = Field(
        default=None, description="only jobs with this status; by default failed, with ids also cancelled"
    )
    failed_after: Time | None = Field(default=None, description="only jobs that ended at this time or later")
    failed_before: Time | None = Field(default=None, description="only jobs that ended before this time")
    code: Text | None = Field(default=None, description="only jobs with this failCode")
    owner: Text | None = Field(default=None, description="only jobs of this owner; an issuer may name itself only")
    limit: Limit | None = Field(default=None, description=f"{DEFAULT_PAGE} by default; {_LIMIT}")
    cursor: str | None = Field(default=None, description=_CURSOR)
    dry_run: Flag = Field(default=False, description="if true, show which jobs would be retried, and retry none")

    @classmethod
    def from_request(cls, query: Mapping[str, str], body: Any) -> Self:
        """Return the filters of a request. Each stands in the query string or in the body, and not in both.

        Raises InvalidRequest, also when there is no filter at all: that would retry every job.
        """
        if body is NO_BODY or body is None:
            body = {}
        if isinstance(body, list):
            body = {"ids": body}
        if not isinstance(body, dict):
            raise InvalidRequest("The body must be a JSON object of filters, or an array of job ids.")
        twice = sorted(query.keys() & body.keys())
        if twice:
            raise invalid((name, "This filter is in the query string and in the body: send it once.") for name in twice)
        filters = cls.parse({**query, **body})
        filters._require_sense()
        return filters

    def _require_sense(self) -> None:
        if all(
            filter_ is None
            for filter_ in (self.ids, self.name, self.status, self.failed_after, self.failed_before, self.code, self.owner)
        ):
            raise InvalidRequest("There is no filter: send ids, name, status, failedAfter, failedBefore, code or owner.")
        if self.failed_after and self.failed_before and self.failed_after >= self.failed_before:
            raise invalid([("failedBefore", "failedBefore must be later than failedAfter.")])
        if self.ids is not None and self.limit is not None and self.limit < len(self.ids):
            raise invalid(
                [
                    (
                        "limit",
                        f"There are {len(self.ids)} ids, more than the limit: send fewer ids.",
                    )
                ]
            )

    def scope(self) -> Mapping[str, str | None]:
        """Return the filters that a cursor of this query is bound to. A cursor of a dry run is valid for the real one too."""
        return {
            "name": self.name,
            "status": self.status,
            "failedAfter": _text(self.failed_after),
            "failedBefore": _text(self.failed_before),
            "code": self.code,
            "owner": self.owner,
            "ids": None if self.ids is None else ",".join(self.ids),
        }


RetryBody = (
    RetryFilters
    | Annotated[
        list[str], WithJsonSchema({"type": "array", "items": {"type": "string"}, "minItems": 1, "description": "job ids"})
    ]
)
"""The type of the body: filters, or an array of ids. `RetryFilters.from_request` reads both."""


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
