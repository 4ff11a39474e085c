"""Sends HTTP POSTs to one URL, one at a time, over a connection that is kept.

It does not retry, follows no redirect, and verifies certificates. The time-out bounds a whole request, from its first byte to
the last byte of the response. The size of the response is bounded, too.
"""

import logging
import ssl
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

import certifi
from urllib3 import BaseHTTPResponse, PoolManager, ProxyManager, Timeout
from urllib3.exceptions import ConnectTimeoutError, HTTPError, LocationValueError, NewConnectionError, ReadTimeoutError

from chalicelib.chain.rpc.deadlines import POOLS
from chalicelib.chain.rpc.json_without_lists import ListRemover
from chalicelib.chain.rpc.node_texts import host_of
from chalicelib.errors import ConfigurationError

HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "Content-Type": "application/json",
    "User-Agent": "jobs-api",  # some providers refuse the default names of HTTP libraries
}

CHUNK_BYTES = 65_536
BYTES_WITHOUT_LISTS = 500_000
"""The size that a response may have after its lists were removed. A receipt without its logs has less than 2,000 bytes."""


class Bound(Enum):
    """What a response exceeded."""

    TIME = auto()
    BYTES = auto()


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """One HTTP response, with any status."""

    status: int
    body: bytes
    """Decompressed."""
    retry_after: str
    """The header `Retry-After`; empty where there is none."""


@dataclass(frozen=True, slots=True)
class NoHttpResponse:
    """A request got no response, or none within its bounds."""

    reason: str
    """A sentence without its full stop. It holds nothing of the URL but its host."""
    maybe_received: bool
    """The server may have received the request."""
    bound: Bound | None = None
    """Set where the connection was open and the response exceeded a bound."""


class _TooLarge(Exception):
    pass


@dataclass(frozen=True, slots=True)
class _Limits:
    """The bounds of one response."""

    deadline: float
    """On the monotonic clock."""
    read_bytes: int
    """Decompressed."""
    kept_bytes: int
    """What `keep` may return in all."""
    keep: Callable[[bytes], bytes]
    """Returns what is kept of a piece of the response."""


class Transport:
    """Not for several threads at once."""

    def __init__(self, url: str, answer_bytes: int) -> None:
        """`answer_bytes` bounds the decompressed body of one response.

        Uses the proxies that the environment names (HTTPS_PROXY, NO_PROXY and so on).

        Raises ConfigurationError for a URL that is not http:// or https://, and for a proxy that cannot be used.
        """
        logging.getLogger("urllib3").setLevel(logging.ERROR)  # below, it logs paths, which may hold an API key (invariant 10)
        self._host = host_of(url)
        self._answer_bytes = answer_bytes
        self._url, authorization = _split(url)
        self._headers = HEADERS | authorization
        self._pool = pool_for(self._url)

    def close_idle(self) -> None:
        """Close the connection. The next request opens another one."""
        self._pool.clear()

    def post(self, body: bytes, seconds: float) -> HttpResponse | NoHttpResponse:
        """Send a body and read the response, all within `seconds`.

        A request that exceeds a bound has its connection closed, so that the rest of its response is not read as another's.
        """
        limits = _Limits(time.monotonic() + seconds, self._answer_bytes, self._answer_bytes, bytes)
        return self._send(body, seconds, limits)

    def post_without_lists(self, body: bytes, seconds: float, answer_bytes: int) -> HttpResponse | NoHttpResponse:
        """Do as `post` does, with another bound of bytes. Lists are removed from the response as it is read (`ListRemover`)."""
        limits = _Limits(time.monotonic() + seconds, answer_bytes, BYTES_WITHOUT_LISTS, ListRemover().feed)
        return self._send(body, seconds, limits)

    def _send(self, body: bytes, seconds: float, limits: _Limits) -> HttpResponse | NoHttpResponse:
        try:
            response = self._pool.request(
                "POST",
                self._url,
                body=body,
                headers=self._headers,
                timeout=Timeout(total=seconds),
                retries=False,  # the body may hold a transaction: the caller decides whether to send it again
                redirect=False,
                preload_content=False,
            )
            return self._read(response, limits)
        except _TooLarge:
            reason = f"{self._host} answered with more than {limits.read_bytes} bytes"
            none = NoHttpResponse(reason, maybe_received=True, bound=Bound.BYTES)
        except NewConnectionError:
            none = NoHttpResponse(f"the connection to {self._host} failed", maybe_received=False)
        except ConnectTimeoutError:
            none = NoHttpResponse(f"{self._host} did not accept a connection within {seconds:.3g} s", maybe_received=False)
        except (ReadTimeoutError, TimeoutError):
            none = NoHttpResponse(f"{self._host} did not answer within {seconds:.3g} s", maybe_received=True, bound=Bound.TIME)
        except (HTTPError, OSError, ValueError):
            none = NoHttpResponse(f"the connection to {self._host} failed", maybe_received=True)
        return none  # outside of the except clauses: the text of the error that they caught holds the URL

    def _read(self, response: BaseHTTPResponse, limits: _Limits) -> HttpResponse:
        """Read the response; its connection stays open only after its last byte. Raises _TooLarge and TimeoutError."""
        with closing(response):
            declared = response.headers.get("Content-Length", "")
            if declared.isascii() and declared.isdigit() and int(declared[:18]) > limits.read_bytes:
                raise _TooLarge
            body = b"".join(self._pieces(response, limits))
            retry_after = response.headers.get("Retry-After", "").strip()
            response.release_conn()
            return HttpResponse(response.status, body, retry_after)

    def _pieces(self, response: BaseHTTPResponse, limits: _Limits) -> Iterator[bytes]:
        """Decompress the response piece by piece, because a few compressed bytes may be gigabytes."""
        to_read, to_keep = limits.read_bytes, limits.kept_bytes
        for piece in response.stream(CHUNK_BYTES):
            kept = limits.keep(piece)
            to_read, to_keep = to_read - len(piece), to_keep - len(kept)
            if to_read < 0 or to_keep < 0:
                raise _TooLarge
            if time.monotonic() > limits.deadline:
                raise TimeoutError
            yield kept


def _split(url: str) -> tuple[str, dict[str, str]]:
    """Return the URL without its user part, and that part as a header (RFC 7617). Raises ConfigurationError."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0  # reading `port` checks it
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError("RPC_URLS holds an entry that is not an http:// or https:// URL: correct it.")
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))
    if parts.username is None:
        return bare, {}
    credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return bare, {"Authorization": f"Basic {b64encode(credentials.encode()).decode()}"}


def pool_for(url: str) -> PoolManager:
    """Return a pool of one connection. It uses the environment's proxy where there is one for this URL.

    Raises ConfigurationError for a proxy that cannot be used.
    """
    parts = urlsplit(url)
    options: dict[str, Any] = {
        "num_pools": 1,
        "maxsize": 1,
        "ssl_context": _certificates() if parts.scheme == "https" else None,
    }
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(parts.netloc):
        return _with_deadlines(PoolManager(**options))
    try:
        bare, authorization = _split(proxy if "://" in proxy else f"http://{proxy}")
        manager = ProxyManager(
            bare,
            proxy_headers={f"Proxy-{name}": value for name, value in authorization.items()},
            proxy_ssl_context=_certificates() if bare.startswith("https:") else None,
            **options,
        )
        return _with_deadlines(manager)
    except (ConfigurationError, LocationValueError):
        problem = f"The proxy that the environment names for {parts.scheme}:// must be an http:// or https:// URL."
    raise ConfigurationError(problem)


def _with_deadlines(manager: PoolManager) -> PoolManager:
    manager.pool_classes_by_scheme = POOLS
    return manager


@cache
def _certificates() -> ssl.SSLContext:
    """Read the certificates once a process: it takes some 20 ms."""
    return ssl.create_default_context(cafile=certifi.where())
