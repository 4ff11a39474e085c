"""One HTTP POST at a time to one URL, over a connection that is kept: no retries, no redirects, certificates verified.

The time-out bounds a whole request, from its first byte to the last one of its answer. The answer's bytes are bounded, too.
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
from chalicelib.chain.rpc.json_skimming import Skimmer
from chalicelib.chain.rpc.node_texts import host_of
from chalicelib.errors import ConfigurationError

HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "Content-Type": "application/json",
    "User-Agent": "jobs-api",  # some providers refuse the names that HTTP libraries give themselves
}


CHUNK_BYTES = 65_536
SKIMMED_BYTES = 500_000
"""What may be left of an answer without its lists. A receipt without its logs has less than 2,000 bytes."""


class Bound(Enum):
    """What a request ran into."""

    TIME = auto()
    BYTES = auto()


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer, whatever its status."""

    status: int
    body: bytes
    retry_after: str


@dataclass(frozen=True, slots=True)
class NoReply:
    """Why there is none, as a sentence without anything of the URL but its host."""

    sentence: str
    doubtful: bool
    """The request may have arrived all the same."""
    bound: Bound | None = None
    """Set where the request was cut off: its connection was open, and its answer was too slow or too large."""


class _TooLarge(Exception):
    pass


@dataclass(frozen=True, slots=True)
class _Limits:
    """Of one answer."""

    deadline: float
    read_bytes: int
    kept_bytes: int
    keep: Callable[[bytes], bytes]
    """Returns what is kept of a piece."""


class Transport:
    """Not for several threads at once."""

    def __init__(self, url: str, answer_bytes: int) -> None:
        """`answer_bytes` bounds one answer, decompressed.

        Proxies are taken from the environment (HTTPS_PROXY, NO_PROXY and so on), as most programs do.

        Raises ConfigurationError for what is no http:// or https:// URL, or a proxy that cannot be used.
        """
        logging.getLogger("urllib3").setLevel(logging.ERROR)  # it writes paths, which may be an API key (invariant 10)
        self._host = host_of(url)
        self._answer_bytes = answer_bytes
        self._url, authorization = _split(url)
        self._headers = HEADERS | authorization
        self._pool = pool_for(self._url)

    def close_idle(self) -> None:
        """Whatever comes next opens a connection of its own."""
        self._pool.clear()

    def post(self, body: bytes, seconds: float) -> Reply | NoReply:
        """`seconds` are for all of it. What was cut off has its connection closed: what still comes over it is nobody's."""
        limits = _Limits(time.monotonic() + seconds, self._answer_bytes, self._answer_bytes, bytes)
        return self._send(body, seconds, limits)

    def skim(self, body: bytes, seconds: float, answer_bytes: int) -> Reply | NoReply:
        """As `post` does, with another bound of bytes; the lists in the answer are left out as it comes in (`Skimmer`)."""
        limits = _Limits(time.monotonic() + seconds, answer_bytes, SKIMMED_BYTES, Skimmer().feed)
        return self._send(body, seconds, limits)

    def _send(self, body: bytes, seconds: float, limits: _Limits) -> Reply | NoReply:
        try:
            response = self._pool.request(
                "POST",
                self._url,
                body=body,
                headers=self._headers,
                timeout=Timeout(total=seconds),
                retries=False,  # what is sent may be a transaction: whoever asks decides whether it is sent again
                redirect=False,
                preload_content=False,
            )
            return self._read(response, limits)
        except _TooLarge:
            sentence = f"{self._host} answered with more than {limits.read_bytes} bytes"
            no_reply = NoReply(sentence, doubtful=True, bound=Bound.BYTES)
        except NewConnectionError:
            no_reply = NoReply(f"the connection to {self._host} failed", doubtful=False)
        except ConnectTimeoutError:
            no_reply = NoReply(f"{self._host} did not accept a connection within {seconds:.3g} s", doubtful=False)
        except (ReadTimeoutError, TimeoutError):
            no_reply = NoReply(f"{self._host} did not answer within {seconds:.3g} s", doubtful=True, bound=Bound.TIME)
        except (HTTPError, OSError, ValueError):
            no_reply = NoReply(f"the connection to {self._host} failed", doubtful=True)
        return no_reply  # out of the except: what it caught has the URL in its text

    def _read(self, response: BaseHTTPResponse, limits: _Limits) -> Reply:
        """Raises _TooLarge and TimeoutError. Only an answer that was read to its end leaves its connection open."""
        with closing(response):
            declared = response.headers.get("Content-Length", "")
            if declared.isascii() and declared.isdigit() and int(declared[:18]) > limits.read_bytes:
                raise _TooLarge
            body = b"".join(self._pieces(response, limits))
            retry_after = response.headers.get("Retry-After", "").strip()
            response.release_conn()
            return Reply(response.status, body, retry_after)

    def _pieces(self, response: BaseHTTPResponse, limits: _Limits) -> Iterator[bytes]:
        """The answer, decompressed piece by piece: a few bytes may be compressed gigabytes."""
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
    """The URL without its user part, and the header that says the same (RFC 7617)."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0  # port is checked as it is read
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError("RPC_URLS holds an entry that is no http:// or https:// URL.")
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))
    if parts.username is None:
        return bare, {}
    credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return bare, {"Authorization": f"Basic {b64encode(credentials.encode()).decode()}"}


def pool_for(url: str) -> PoolManager:
    """For one connection, through the environment's proxy where there is one for this URL."""
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
    """Read once a process: it takes some 20 ms."""
    return ssl.create_default_context(cafile=certifi.where())
