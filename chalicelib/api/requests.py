"""What clients send, as models, and how it becomes what the domain is asked."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, ValidationError

from chalicelib.api.body import NO_BODY
from chalicelib.api.errors import invalid, invalid_from
from chalicelib.api.fields import (
    DEFAULT_PAGE,
    Address,
    Amount,
    CallData,
    Flag,
    Gas,
    JobIds,
    Limit,
    Model,
    PositiveAmount,
    Text,
    Time,
)
from chalicelib.errors import InvalidRequest
from chalicelib.jobs.issue import JobRequest
from chalicelib.jobs.model import RETRYABLE, Status, TransactionRequest

MAX_DATA_BYTES = 64 * 1024
"""Nodes take transactions of up to 128 KiB, a row of the jobs table 400 KiB, and a job keeps its replacements too."""
TRANSACTION_JOB = "transaction"
"""The name of the jobs issued here."""


class Checked(Model):
    @classmethod
    def parse(cls, given: Any) -> Self:
        """Raises InvalidRequest with one detail a field."""
        if not isinstance(given, dict):
            raise InvalidRequest("The body must be a JSON object." if given is not NO_BODY else "A JSON body is needed.")
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise invalid_from(error) from None


# --- issue -------------------------------------------------------------------------------------------------------------


class ContractCall(Model):
    """`{"function": "transfer(address,uint256)", "args": [...]}`"""

    function: str
    args: list[Any] = Field(default_factory=list)

    def encoded(self) -> bytes:
        """Raises InvalidRequest when signature and arguments do not fit."""
        # imported here: see `fields.address`
        from chalicelib.chain.abi import encode_call  # noqa: PLC0415

        try:
            return encode_call(self.function, self.args)
        except InvalidRequest as error:
            raise invalid([("call", error.message)]) from None


class IssueBody(Checked):
    """The body of `POST /api/v2/jobs`. An absent field and a null one mean the same."""

    to: Address | None = None
    value: Amount | None = None
    data: CallData | None = None
    call: ContractCall | None = None
    sender: Address | None = Field(default=None, alias="from")
    network: str | None = None
    gas: Gas | None = None
    max_fee_per_gas: PositiveAmount | None = None
    valid_until: Time | None = None
    correlation_id: Text | None = None
    external_id: Text | None = None

    def job_request(self, network: str, chain_id: int) -> JobRequest:
        """For the one network the service serves. Raises InvalidRequest where fields do not go together."""
        if self.network is not None and self.network != network:
            raise invalid([("network", f"This service sends transactions on {network} only.")])
        return JobRequest(
            name=TRANSACTION_JOB,
            transaction=TransactionRequest(
                to=self.to,
                value=self.value or 0,
                data=self._call_data(),
                gas=self.gas,
                max_fee_per_gas=self.max_fee_per_gas,
                valid_until=self.valid_until,
            ),
            network=network,
            chain_id=chain_id,
            sender=self.sender,
            correlation_id=self.correlation_id,
            external_id=self.external_id,
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


class ListQuery(Checked):
    status: Annotated[Status, BeforeValidator(_status)] | None = None
    name: Text | None = None
    limit: Limit = DEFAULT_PAGE
    cursor: str | None = None

    def scope(self) -> Mapping[str, str | None]:
        """What a cursor of this listing is good for."""
        return {"status": self.status, "name": self.name}


class ExternalQuery(Checked):
    external_id: Text


class CorrelationIdPath(Checked):
    correlation_id: Text


class RetryFilters(Checked):
    """The filters of a retry by query, from a query string or a body: numbers and booleans may be strings."""

    ids: JobIds | None = None
    name: Text | None = None
    status: Annotated[Status, BeforeValidator(_retryable)] | None = None
    failed_after: Time | None = None
    failed_before: Time | None = None
    code: Text | None = None
    owner: Text | None = None
    limit: Limit | None = None
    cursor: str | None = None
    dry_run: Flag = False

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


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
