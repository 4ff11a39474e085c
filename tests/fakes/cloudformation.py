"""CloudFormation's query API on the loopback: a stack whose status and events are played as a test says.

It answers as AWS documents its answers, and as the emulator never does: late. botocore talks to it over HTTP.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from stack.aws import Client, clients

NAMESPACE = "http://cloudformation.amazonaws.com/doc/2010-05-15/"
STACK = "AWS::CloudFormation::Stack"
NAME = "jobs-api-spark"
STACK_ID = f"arn:aws:cloudformation:us-east-1:123456789012:stack/{NAME}/1c2fa620-982a-11e3-aff7-50e2416294e0"
ASKS = {"ExecuteChangeSet", "DeleteStack"}
"""The requests that ask for an operation: what is played begins after them."""


@dataclass(frozen=True)
class Happened:
    """An event of a stack. Without `physical` it is the stack's own."""

    status: str
    logical: str = NAME
    physical: str = STACK_ID
    kind: str = STACK
    reason: str = ""


@dataclass(frozen=True)
class Look:
    """What one look at the stack finds: its status, or None if it does not exist, and the events since the look before."""

    status: str | None
    happened: Sequence[Happened] = ()


@dataclass
class PlayedStack:
    """`with PlayedStack(...) as played:` answers at `played.client`: `before` until an operation is asked for, then one of
    `looks` after the other, the last one for ever. A look is over when its status or its events are asked for again.
    """

    before: Look
    looks: Sequence[Look]
    page_size: int = 100
    asked: list[str] = field(default_factory=list)
    """The actions, in order."""

    def __post_init__(self) -> None:
        self._events: list[tuple[int, Happened]] = []
        self._seen: set[str] = set()
        self._position = -1
        self._play(self.before)

    def __enter__(self) -> "PlayedStack":
        played = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                status, body = played.answer({name: values[0] for name, values in form.items()})
                self.send_response(status)
                self.send_header("Content-Type", "text/xml")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def client(self) -> Client:
        return clients(f"http://127.0.0.1:{self._server.server_port}", "us-east-1", "test", "test")

    def answer(self, asked: Mapping[str, str]) -> tuple[int, bytes]:
        action = asked["Action"]
        self.asked.append(action)
        if action in ASKS:
            self._position = 0
            self._seen.clear()
            self._play(self.looks[0])
            return _answer(action, "")
        self._look_again(action, first_page="NextToken" not in asked)
        if self._now.status is None and not (action == "DescribeStackEvents" and asked["StackName"] == STACK_ID):
            return _refusal(f"Stack with id {asked['StackName']} does not exist")
        if action == "DescribeStacks":
            return _answer(action, f"<Stacks><member>{_stack(str(self._now.status))}</member></Stacks>")
        return _answer(action, self._page(int(asked.get("NextToken", "0"))))

    @property
    def _now(self) -> Look:
        return self.before if self._position < 0 else self.looks[self._position]

    def _look_again(self, action: str, *, first_page: bool) -> None:
        if first_page and action in self._seen and 0 <= self._position < len(self.looks) - 1:
            self._position += 1
            self._seen.clear()
            self._play(self._now)
        self._seen.add(action)

    def _play(self, look: Look) -> None:
        for one in look.happened:
            self._events.insert(0, (len(self._events), one))

    def _page(self, start: int) -> str:
        members = "".join(
            f"<member>{_event(number, one)}</member>" for number, one in self._events[start : start + self.page_size]
        )
        end = start + self.page_size
        more = f"<NextToken>{end}</NextToken>" if end < len(self._events) else ""
        return f"<StackEvents>{members}</StackEvents>{more}"


def _stack(status: str) -> str:
    return _fields(StackId=STACK_ID, StackName=NAME, CreationTime="2026-01-01T00:00:00Z", StackStatus=status)


def _event(number: int, one: Happened) -> str:
    return _fields(
        StackId=STACK_ID,
        EventId=f"event-{number}",
        StackName=NAME,
        LogicalResourceId=one.logical,
        PhysicalResourceId=one.physical,
        ResourceType=one.kind,
        Timestamp="2026-01-01T00:00:00Z",
        ResourceStatus=one.status,
        ResourceStatusReason=one.reason,
    )


def _fields(**values: str) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items() if value)


def _answer(action: str, result: str) -> tuple[int, bytes]:
    body = f'<{action}Response xmlns="{NAMESPACE}"><{action}Result>{result}</{action}Result></{action}Response>'
    return 200, body.encode()


def _refusal(message: str) -> tuple[int, bytes]:
    fields = _fields(Type="Sender", Code="ValidationError", Message=message)
    return 400, f'<ErrorResponse xmlns="{NAMESPACE}"><Error>{fields}</Error></ErrorResponse>'.encode()
