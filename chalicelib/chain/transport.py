"""One HTTP POST at a time to one URL, over a connection that is kept: no retries, no redirects, certificates verified."""

import logging
import ssl
from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

import certifi
from urllib3 import PoolManager, ProxyManager
from urllib3.exceptions import ConnectTimeoutError, HTTPError, LocationValueError, NewConnectionError, ReadTimeoutError

from chalicelib.chain.text import host_of
from chalicelib.errors import ConfigurationError

HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "Content-Type": "application/json",
    "User-Agent": "jobs-api",  # some providers refuse the names that HTTP libraries give themselves
}


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


class Transport:
    """Not for several threads at once."""

    def __init__(self, url: str, timeout_seconds: float) -> None:
        """Proxies are taken from the environment (HTTPS_PROXY, NO_PROXY and so on), as most programs do.

        Raises ConfigurationError for what is no http:// or https:// URL, or a proxy that cannot be used.
        """
        logging.getLogger("urllib3").setLevel(logging.ERROR)  # it writes paths, which may be an API key (invariant 10)
        self._host = host_of(url)
        self._timeout_seconds = timeout_seconds
        self._url, authorization = _split(url)
        self._headers = HEADERS | authorization
        self._pool = pool_for(self._url)

    def close_idle(self) -> None:
        """Whatever comes next opens a connection of its own."""
        self._pool.clear()

    def post(self, body: bytes) -> Reply | NoReply:
        try:
            response = self._pool.request(
                "POST",
                self._url,
                body=body,
                headers=self._headers,
                timeout=self._timeout_seconds,
                retries=False,  # what is sent may be a transaction: whoever asks decides whether it is sent again
                redirect=False,
            )
        except NewConnectionError:
            no_reply = NoReply(f"the connection to {self._host} failed", doubtful=False)
        except ConnectTimeoutError:
            no_reply = NoReply(f"{self._host} did not accept a connection within {self._timeout_seconds:g} s", doubtful=False)
        except ReadTimeoutError:
            no_reply = NoReply(f"{self._host} did not answer within {self._timeout_seconds:g} s", doubtful=True)
        except (HTTPError, OSError, ValueError):
            no_reply = NoReply(f"the connection to {self._host} failed", doubtful=True)
        else:
            return Reply(response.status, response.data, response.headers.get("Retry-After", "").strip())
        return no_reply  # out of the except: what it caught has the URL in its text


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
        return PoolManager(**options)
    try:
        bare, authorization = _split(proxy if "://" in proxy else f"http://{proxy}")
        return ProxyManager(
            bare,
            proxy_headers={f"Proxy-{name}": value for name, value in authorization.items()},
            proxy_ssl_context=_certificates() if bare.startswith("https:") else None,
            **options,
        )
    except (ConfigurationError, LocationValueError):
        problem = f"The proxy that the environment names for {parts.scheme}:// must be an http:// or https:// URL."
    raise ConfigurationError(problem)


@cache
def _certificates() -> ssl.SSLContext:
    """Read once a process: it takes some 20 ms."""
    return ssl.create_default_context(cafile=certifi.where())
