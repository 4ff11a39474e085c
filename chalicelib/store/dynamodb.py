"""What all tables share: what DynamoDB's errors mean, and batched reads."""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.backoff import doubled
from chalicelib.errors import ServiceUnavailable, VersionConflict

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

BATCH_GET_LIMIT = 100
UNPROCESSED_ROUNDS = 8
FIRST_PAUSE_SECONDS = 0.04
LONGEST_PAUSE_SECONDS = 5.12
"""Before unprocessed keys are asked for again. Each pause is a random part of a time that doubles from round to round."""
CONDITION_FAILED = "ConditionalCheckFailedException"
RACED = frozenset({"ConditionalCheckFailed", "TransactionConflict"})
"""Reasons that say that another writer has changed the item, or is changing it."""
REFUSED = frozenset({"ValidationError", "ItemCollectionSizeLimitExceeded"})
"""Reasons that say that DynamoDB will never take the item. All other reasons say nothing about it."""


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn DynamoDB's errors into errors of this service.

    Raises VersionConflict when a condition failed, or another transaction was writing the same item. Raises ServiceUnavailable
    for errors that pass (throttling, time-outs, 5xx): a write may have been applied, and only a read can tell.
    """
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in (CONDITION_FAILED, "TransactionConflictException"):
            raise VersionConflict("The record was changed at the same time.") from error
        if code == "TransactionCanceledException":
            if has_lost_a_race(error):
                raise VersionConflict("A record of the transaction was changed at the same time.") from error
            if _reasons(error) & {"ThrottlingError", "ProvisionedThroughputExceeded"}:
                raise ServiceUnavailable("The table throttles.") from error
            raise
        if _is_passing(error):
            raise ServiceUnavailable(f"The table does not answer: {code}.") from error
        raise
    except BotoCoreError as error:
        raise ServiceUnavailable(f"The table does not answer: {type(error).__name__}.") from error


def has_lost_a_race(error: ClientError) -> bool:
    """Return True if DynamoDB cancelled a transaction because another writer changed one of its items."""
    return bool(_reasons(error) & RACED)


def raced_places(error: ClientError) -> list[int]:
    """Return the places, in a cancelled transaction, of the items that another writer changed."""
    return _places(error, RACED)


def _reasons(error: ClientError) -> set[str | None]:
    """Return the codes that say why a transaction was cancelled. DynamoDB gives one code for each item."""
    response: Mapping[str, Any] = error.response
    return {reason.get("Code") for reason in response.get("CancellationReasons", [])}


def is_refused(error: ClientError) -> bool:
    """Return True if DynamoDB will never take at least one item of the write, usually because it is too large."""
    code = error.response["Error"]["Code"]
    return code == "ValidationException" or (code == "TransactionCanceledException" and bool(refused_places(error)))


def refused_places(error: ClientError) -> list[int]:
    """Return the places, in a cancelled transaction, of the items that DynamoDB will never take."""
    return _places(error, REFUSED)


def _places(error: ClientError, codes: frozenset[str]) -> list[int]:
    response: Mapping[str, Any] = error.response
    reasons = response.get("CancellationReasons", [])
    return [place for place, reason in enumerate(reasons) if reason.get("Code") in codes]


def _is_passing(error: ClientError) -> bool:
    code = error.response["Error"]["Code"]
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    throttled = {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "TransactionInProgressException",
    }
    return status >= 500 or code in throttled


def row_in_the_way(error: ClientError) -> Mapping[str, Any] | None:
    """Return the row that made a condition fail, if the write asked for it (ReturnValuesOnConditionCheckFailure)."""
    response: Mapping[str, Any] = error.response
    return response.get("Item") if response["Error"]["Code"] == CONDITION_FAILED else None


def batch_get(
    client: "DynamoDBClient", table: str, key_name: str, keys: Sequence[str], *, consistent: bool = True
) -> dict[str, Mapping[str, Any]]:
    """Return the items by key, without those that do not exist. An inconsistent read costs half.

    BatchGetItem may leave keys unprocessed. They are read again after growing pauses, in up to eight rounds. Raises
    ServiceUnavailable when the table still throttles then.
    """
    found: dict[str, Mapping[str, Any]] = {}
    waiting = list(dict.fromkeys(keys))
    rounds = 0
    while waiting:
        asked, waiting = waiting[:BATCH_GET_LIMIT], waiting[BATCH_GET_LIMIT:]
        with translated_errors():
            answer = client.batch_get_item(
                RequestItems={table: {"Keys": [{key_name: {"S": key}} for key in asked], "ConsistentRead": consistent}}
            )
        for item in answer["Responses"].get(table, []):
            found[item[key_name]["S"]] = item
        unprocessed = answer.get("UnprocessedKeys") or {}
        if table in unprocessed:
            rounds += 1
            if rounds > UNPROCESSED_ROUNDS:
                raise ServiceUnavailable("The table throttles.")
            waiting = [str(key[key_name]["S"]) for key in unprocessed[table]["Keys"]] + waiting
            longest = doubled(FIRST_PAUSE_SECONDS, rounds - 1, LONGEST_PAUSE_SECONDS)
            time.sleep(random.uniform(0, longest))  # nosec B311 # noqa: S311 -- jitter
    return found
