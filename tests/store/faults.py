"""What goes wrong on the way to a table, put into botocore's own transport: the adapter and the endpoint stay the real ones."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from botocore.httpsession import URLLib3Session

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


def events_of(client: "DynamoDBClient") -> Any:
    """The client's hooks. What is returned from `before-send` takes the place of sending: their types do not know that."""
    return client.meta.events


def lose_first_answer(client: "DynamoDBClient", operation: str, meanwhile: Callable[[], object] = lambda: None) -> list[int]:
    """The first request is applied and its answer dropped, as by a connection that breaks; then `meanwhile` happens.

    Returns the HTTP statuses: of the lost answer first, then of what boto's own repeats were answered.
    """
    statuses: list[int] = []

    def send(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        answer = URLLib3Session().send(request)
        statuses.append(answer.status_code)
        if len(statuses) == 1:
            meanwhile()
            raise ConnectionClosedError(endpoint_url=request.url)
        return answer

    events_of(client).register(f"before-send.dynamodb.{operation}", send)
    return statuses


class Body:
    """What botocore reads an answer from."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._content


def answer_always(client: "DynamoDBClient", status: int, code: str, **more: Any) -> None:
    """Every request is answered with this error, and none is sent."""
    events_of(client).register("before-send.dynamodb.*", lambda request, **_: error_answer(request, status, code, **more))


def answer_once(client: "DynamoDBClient", operation: str, status: int, code: str) -> None:
    """The first such request is answered with this error and not sent; all others go through."""
    events, event, name = events_of(client), f"before-send.dynamodb.{operation}", "answer once"

    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        events.unregister(event, unique_id=name)
        return error_answer(request, status, code)

    events.register(event, answer, unique_id=name)


def error_answer(request: AWSPreparedRequest, status: int, code: str, **more: Any) -> AWSResponse:
    content = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "no", **more}).encode()
    return AWSResponse(
        request.url, status, HTTPHeaders.from_dict({"content-type": "application/x-amz-json-1.0"}), Body(content)
    )


def break_connections(client: "DynamoDBClient") -> None:
    """No request is ever answered."""

    def time_out(request: AWSPreparedRequest, **_: Any) -> None:
        raise ReadTimeoutError(endpoint_url=request.url)

    events_of(client).register("before-send.dynamodb.*", time_out)


def leave_unprocessed(client: "DynamoDBClient", table: str, rounds: int, keys: int) -> list[Mapping[str, Any]]:
    """The first `rounds` answers of BatchGetItem lack `keys` of their items and name them as unprocessed.

    Returns the requests, as they are made.
    """
    requests: list[Mapping[str, Any]] = []

    def remember(params: Mapping[str, Any], **_: Any) -> None:
        requests.append(params["RequestItems"][table])

    def hold_back(parsed: dict[str, Any], **_: Any) -> None:
        if len(requests) > rounds:
            return
        items = parsed["Responses"][table]
        parsed["Responses"][table], held = items[keys:], items[:keys]
        (key,) = requests[-1]["Keys"][0]
        waiting = [{key: item[key]} for item in held]
        parsed["UnprocessedKeys"] = {table: {"Keys": waiting, "ConsistentRead": True}} if waiting else {}

    client.meta.events.register("provide-client-params.dynamodb.BatchGetItem", remember)
    client.meta.events.register("after-call.dynamodb.BatchGetItem", hold_back)
    return requests
