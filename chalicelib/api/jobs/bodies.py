"""What clients send, as models, and how it becomes what the domain is asked."""

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
"""Nodes take transactions of up to 128 KiB, a row of the jobs table 400 KiB, and a job keeps its replacements too."""


# --- issue -------------------------------------------------------------------------------------------------------------


class ContractCall(Model):
    """A function of a contract, and what it is called with."""

    function: str = Field(
        description="its signature in canonical types",
        examples=["transfer(address,uint256)"],
    )
    args: list[Any] = Field(
        default_factory=list,
        description="integers as decimal strings or JSON integers, bytes as hex, arrays and tuples as arrays",
    )

    def encoded(self) -> bytes:
        """Raises InvalidRequest when signature and arguments do not fit."""
        from chalicelib.chain.contracts.abi import encode_call  # noqa: PLC0415 -- brings eth_abi: 0.1 s that other requests do not need

        try:
            return encode_call(self.function, self.args, MAX_DATA_BYTES)
        except InvalidRequest as error:
            raise invalid([("call", error.message)]) from None


class IssueBody(Checked):
    """One transaction, and the job around it. An absent field and a null one mean the same. `data` or `call`, not both."""

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

    to: Address | None = Field(default=None, description="who is called or paid; without it, data is the code of a contract")
    value: Amount | None = Field(default=None, description="sent along; 0 by default")
    data: CallData | None = Field(default=None, description=f"at most {MAX_DATA_BYTES:,} bytes")
    call: ContractCall | None = Field(default=None, description="call data by its function and arguments")
    sender: Address | None = Field(
        default=None, alias="from", description="an account the token may sign with; by default its pool's, or its own"
    )
    network: str | None = Field(default=None, description="the network this service serves, and no other")
    gas: Gas | None = Field(default=None, description="gas limit; estimated by default")
    max_fee_per_gas: PositiveAmount | None = Field(default=None, description="no transaction of the job offers more")
    valid_until: Time | None = Field(default=None, description="not signed any more after this time")
    correlation_id: Id | None = Field(
        default=None, description="the issuer's own id: the same request under it is the same job, another one is a conflict"
    )
    external_id: Id | None = Field(default=None, description="another id of the issuer's, which many jobs may share")

    def transaction(self, network: str) -> TransactionRequest:
        """Return the transaction. Raises InvalidRequest for another network, and where fields do not go together."""
        if self.network is not None and self.network != network:
            raise invalid([("network", f"This service sends transactions on {network} only.")])
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
            raise invalid([("call", "Send data or call, not both.")])
        if self.to is None and not self.data:
            raise invalid([("to", "An address is needed; without one, data must be the code of a contract to deploy.")])
        data = self.call.encoded() if self.call is not None else self.data or b""
        if len(data) > MAX_DATA_BYTES:
            raise invalid([("call" if self.call else "data", f"Call data has at most {MAX_DATA_BYTES:,} bytes.")])
        return data


# --- queries -----------------------------------------------------------------------------------------------------------


def _status(value: Any) -> Status:
    try:
        return Status(value)
    except ValueError:
        raise ValueError(f"status is one of {', '.join(Status)}.") from None


def _retryable(value: Any) -> Status:
    if not isinstance(value, str) or value not in RETRYABLE:
        raise ValueError(f"status is one of {', '.join(sorted(RETRYABLE))}: nothing else can be retried.")
    return Status(value)


_LIMIT = "a page may be shorter and still have a nextCursor"
_CURSOR = "the nextCursor of the page before, with the same filters"

AnyStatus = Annotated[Status, BeforeValidator(_status), WithJsonSchema({"type": "string", "enum": list(Status)})]
RetryableStatus = Annotated[Status, BeforeValidator(_retryable), WithJsonSchema({"type": "string", "enum": sorted(RETRYABLE)})]


class ListQuery(Checked):
    status: AnyStatus | None = Field(default=None, description="only jobs in this state")
    name: Text | None = Field(default=None, description="only jobs of this name")
    correlation_id: Text | None = Field(default=None, description="only the job with this id of the issuer's, exactly")
    account_address: Address | None = Field(default=None, description="only jobs that this account signs")
    limit: Limit = Field(default=DEFAULT_PAGE, description=_LIMIT)
    cursor: str | None = Field(default=None, description=_CURSOR)

    def scope(self) -> Mapping[str, str | None]:
        """What a cursor of this listing is good for."""
        scope = {"status": self.status, "name": self.name}
        more = {"correlationId": self.correlation_id, "accountAddress": self.account_address}
        return {**scope, **{name: value for name, value in more.items() if value is not None}}


class ExternalQuery(Checked):
    external_id: Text
    cursor: str | None = Field(default=None, description=_CURSOR)

    def scope(self) -> Mapping[str, str | None]:
        """What a cursor of this look-up is good for."""
        return {"externalId": self.external_id}


class JobPath(Checked):
    job_id: JobId


class CorrelationIdPath(Checked):
    correlation_id: Text


class RetryOneBody(Checked):
    """What the retry of one job may change."""

    valid_until: Time | None = Field(default=None, description="takes the place of the job's own; needed when that has passed")


class RetryFilters(Checked):
    """All given filters must hold, and at least one is needed. In the query, in the body, or some here and some there."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"status": "failed", "code": "TransactionReverted", "dryRun": True}]}
    )

    ids: JobIds | None = Field(default=None, description=f"exactly these jobs, at most {MAX_IDS}")
    name: Text | None = Field(default=None, description="only jobs of this name")
    status: RetryableStatus | None = Field(default=None, description="failed by default; with ids, both")
    failed_after: Time | None = Field(default=None, description="only jobs that ended then or later")
    failed_before: Time | None = Field(default=None, description="only jobs that ended earlier")
    code: Text | None = Field(default=None, description="only jobs with this failCode")
    owner: Text | None = Field(default=None, description="only this owner's jobs; another's for administrators only")
    limit: Limit | None = Field(default=None, description=f"{DEFAULT_PAGE} by default; {_LIMIT}")
    cursor: str | None = Field(default=None, description=_CURSOR)
    dry_run: Flag = Field(default=False, description="show what would be retried, and retry nothing")

    @classmethod
    def from_call(cls, query: Mapping[str, str], body: Any) -> Self:
        """Filters stand in the query string, in the body, or some here and some there, but none twice.

        Raises InvalidRequest, also when there is no filter at all: that would be everything.
        """
        if body is NO_BODY or body is None:
            body = {}
        if isinstance(body, list):
            body = {"ids": body}
        if not isinstance(body, dict):
            raise InvalidRequest("The body must be a JSON object of filters, or an array of job ids.")
        twice = sorted(query.keys() & body.keys())
        if twice:
            raise invalid((name, "This filter is given both in the query string and in the body.") for name in twice)
        filters = cls.parse({**query, **body})
        filters._require_sense()
        return filters

    def _require_sense(self) -> None:
        if all(
            filter_ is None
            for filter_ in (self.ids, self.name, self.status, self.failed_after, self.failed_before, self.code, self.owner)
        ):
            raise InvalidRequest("At least one filter is needed: ids, name, status, failedAfter, failedBefore, code or owner.")
        if self.failed_after and self.failed_before and self.failed_after >= self.failed_before:
            raise invalid([("failedBefore", "failedBefore must be later than failedAfter.")])
        if self.ids is not None and self.limit is not None and self.limit < len(self.ids):
            raise invalid([("limit", f"{len(self.ids)} ids are given, more than the limit.")])

    def scope(self) -> Mapping[str, str | None]:
        """What a cursor of this query is good for; a dry run's also for the real one."""
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
"""As documented: filters, or an array of ids. `RetryFilters.from_call` reads both."""


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
