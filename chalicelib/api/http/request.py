"""The request that a handler is given: who sent it, and what it holds, decoded."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from chalice.app import Request as ChaliceRequest

from chalicelib.api.http.body import shown
from chalicelib.api.http.errors import invalid
from chalicelib.jobs.principal import Principal

if TYPE_CHECKING:  # it brings what verifies JWTs, which the functions of queues do not need
    from chalicelib.api.services import ApiServices


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request with a valid JWT, and the services that answer it."""

    principal: Principal
    services: "ApiServices"


@dataclass(frozen=True, slots=True)
class Request:
    """A request that its sender may make."""

    path: Mapping[str, str]
    """The parameters in the path, decoded: `job_id`."""
    query: Mapping[str, str]
    body: Any
    """The parsed JSON, or NO_BODY."""
    caller: Caller | None = None
    """None on a route that needs no JWT."""

    @property
    def principal(self) -> Principal:
        return self._known().principal

    @property
    def services(self) -> "ApiServices":
        return self._known().services

    def _known(self) -> Caller:
        if self.caller is None:
            raise RuntimeError("a route that needs no JWT knows no caller and has no services")
        return self.caller


def path_texts(parameters: Mapping[str, str], event: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the path parameters of a Lambda event as the client meant them: decoded exactly once (UTF-8; a + stays a +).

    The events of API Gateway's REST APIs have them percent-encoded, and Chalice leaves them so. The events of HTTP APIs, and
    of the emulator, have them decoded and name a `version`. A parameter that is not valid encoding stays as it is, and so do
    the parameters of an event without the path of its request.
    """
    if "version" in event or "path" not in event.get("requestContext", {}):
        return parameters
    return {name: _decoded(value) for name, value in parameters.items()}


def query_texts(request: ChaliceRequest) -> dict[str, str]:
    """Return the parameters of the query string. Raises InvalidRequest for one that is given twice: which one was meant?"""
    parameters = request.query_params  # None when there are none
    if parameters is None:
        return {}
    values = {name: parameters.getlist(name) for name in parameters}
    twice = [name for name, given in values.items() if len(given) != 1]
    if twice:
        raise invalid((shown(name), "This parameter is given more than once.") for name in twice)
    return {name: given[0] for name, given in values.items()}


def _decoded(value: str) -> str:
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError:
        return value
