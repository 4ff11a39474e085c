"""The environment as one frozen record, read at first use; a wrong value is one clear sentence.

Without pydantic: every function reads its settings, and most requests need nothing else of it.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from functools import cache
from math import inf
from typing import Any

from chalicelib.bounds import Bounds
from chalicelib.errors import ConfigurationError
from chalicelib.networks import NETWORKS, Network
from chalicelib.patterns import ADDRESS

JWT_SECRET_MIN_BYTES = 32  # RFC 7518 section 3.2: an HS256 key is at least as long as its hash

LOCAL_STAGE = "local"
PUBLIC_RPC_URLS = "public"
"""In place of RPC URLs, where a text must not be empty: AWS takes no empty secret."""

_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::[0-9]{1,5})?", re.ASCII)
_LOOPBACK = re.compile(r"http://(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]{1,5})?(?:/.*)?", re.ASCII)
_VARIABLE = "variable"
_READ = "read"


# --- how a variable is read: each raises ValueError, saying what it must be ---------------------------------------------


def _text(value: str) -> str:
    return value


def _whole(low: int, high: float = inf) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,18}", value, re.ASCII) or not low <= int(value) <= high:
            raise ValueError(f"must be a whole number from {low}" + (f" to {high}" if high < inf else ""))
        return int(value)

    return read


def _seconds(value: str) -> float:
    problem = "must be a number of seconds, more than 0"
    try:
        seconds = float(value)
    except ValueError:
        raise ValueError(problem) from None
    if not 0 < seconds < inf:
        raise ValueError(problem)
    return seconds


def _address(value: str) -> str:
    """As it was given: its checksum needs keccak, and is looked at where the address is used."""
    if not ADDRESS.fullmatch(value):
        raise ValueError("must be an address, 0x and 40 hex digits")
    return value


def _yes_or_no(value: str) -> bool:
    if value not in ("true", "false"):
        raise ValueError("must be true or false")
    return value == "true"


def _provider_url(value: str) -> str:
    """Whoever can change an answer on its way can sign tokens: only over TLS, or on this machine."""
    is_plain = value.isascii() and value.isprintable() and not set(value) & set(' @#"')
    if not is_plain or not (re.match(r"https://[a-zA-Z0-9\[]", value) or _LOOPBACK.fullmatch(value)):
        raise ValueError("must be an https:// URL without a user part")
    return value


def _origins(value: str) -> tuple[str, ...]:
    origins = tuple(dict.fromkeys(origin.strip() for origin in value.split(",") if origin.strip()))
    if origins == ("*",):
        return origins
    if not all(
        _ORIGIN.fullmatch(origin) and (origin.startswith("https:") or _LOOPBACK.fullmatch(origin)) for origin in origins
    ):
        raise ValueError("must be origins as browsers send them, https://host or https://host:port, separated by commas")
    return origins


def _from(variable: str, read: Callable[[str], Any] = _text, default: Any = MISSING) -> Any:
    """A field of the environment's `variable`; without a default it is needed."""
    metadata = {_VARIABLE: variable, _READ: read}
    return field(metadata=metadata) if default is MISSING else field(default=default, metadata=metadata)


# --- the settings ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a function is told by its environment. Empty strings count as absent: CloudFormation has no optional variables."""

    stage: str = _from("STAGE")
    stack_name: str = _from("STACK_NAME")
    jobs_table: str = _from("JOBS_TABLE")
    accounts_table: str = _from("ACCOUNTS_TABLE")
    execute_queue_url: str = _from("EXECUTE_QUEUE_URL")
    confirm_queue_url: str = _from("CONFIRM_QUEUE_URL")
    jwt_secret_id: str = _from("JWT_SECRET_ID")
    jwt_ttl_days: int = _from("JWT_TTL_DAYS", _whole(1, 3_650), 90)
    """How long the token of a new account's issuer is valid."""
    phone_key_id: str = _from("PHONE_KEY_ID")
    """The secret whose value keys the hashes that phone numbers are found by."""
    key_policy: str | None = _from("KEY_POLICY", _text, None)
    """The policy that the API gives every key it makes. Only the API is told it."""
    jwks_url: str | None = _from("JWKS_URL", _provider_url, None)
    """Where an identity provider publishes the keys of its tokens (RS256, ES256)."""
    jwt_issuer: str | None = _from("JWT_ISSUER", _text, None)
    jwt_audience: str | None = _from("JWT_AUDIENCE", _text, None)
    """What the identity provider's tokens must have as `iss` and `aud`."""
    secret_tokens: bool | None = _from("SECRET_TOKENS", _yes_or_no, None)
    """Whether HS256 tokens of the shared secret are taken; by default where there is no identity provider."""
    limits_table: str | None = _from("LIMITS_TABLE", _text, None)
    requests_per_minute: int = _from("REQUESTS_PER_MINUTE", _whole(0, 1_000_000), 0)
    """Of each issuer; 0: no limit."""
    open_jobs_of_owner: int = _from("OPEN_JOBS_OF_OWNER", _whole(1, 1_000_000), Bounds().open_jobs_of_owner)
    unsigned_seconds: int = _from("UNSIGNED_SECONDS", _whole(60, 31_536_000), int(Bounds().unsigned_seconds))
    unmined_blocks: int = _from("UNMINED_BLOCKS", _whole(1, 1_000_000), Bounds().unmined_blocks)
    """These three replace the values of the same name in `Bounds`."""
    cors_origins: tuple[str, ...] = _from("CORS_ORIGINS", _origins, ())
    """Whose pages may call the API from browsers; `*` for all, on the local stage only."""
    cursor_ttl_seconds: int = _from("CURSOR_TTL_SECONDS", _whole(60), 86_400)
    log_level: str = _from("LOG_LEVEL", _text, "INFO")

    network_name: str = _from("NETWORK")
    rpc_urls: str | None = _from("RPC_URLS", _text, None)
    """Comma-separated: where there is no secret. A provider's key is part of its URL, so a deployed stage has them in one."""
    rpc_urls_id: str | None = _from("RPC_URLS_ID", _text, None)
    """The secret that holds the RPC URLs, as `rpc_urls_of` reads them."""
    rpc_urls_version: str | None = _from("RPC_URLS_VERSION", _text, None)
    """Nothing reads it. It changes with the RPC URLs, and Lambda starts its functions anew."""
    chain_id: int | None = _from("CHAIN_ID", _whole(1), None)
    confirmations: int | None = _from("CONFIRMATIONS", _whole(1), None)
    block_seconds: float | None = _from("BLOCK_SECONDS", _seconds, None)
    token_factory: str | None = _from("TOKEN_FACTORY", _address, None)
    wallet_factory: str | None = _from("WALLET_FACTORY", _address, None)
    """The network's contracts that make tokens and wallets; without one, what needs it is not configured."""

    @property
    def takes_secret_tokens(self) -> bool:
        return self.jwks_url is None if self.secret_tokens is None else self.secret_tokens

    @property
    def bounds(self) -> Bounds:
        return Bounds(
            open_jobs_of_owner=self.open_jobs_of_owner,
            unsigned_seconds=self.unsigned_seconds,
            unmined_blocks=self.unmined_blocks,
        )

    @property
    def network(self) -> Network:
        """The stage's network: the one of `chalicelib.networks` named by NETWORK, with what the stage overrides."""
        try:
            network = NETWORKS[self.network_name]
        except KeyError:
            raise ConfigurationError(
                f"NETWORK is {self.network_name!r}; it must be one of {', '.join(sorted(NETWORKS))}."
            ) from None
        return replace(
            network,
            rpc_urls=rpc_urls_of(self.rpc_urls or "") or network.rpc_urls,
            chain_id=self.chain_id or network.chain_id,
            confirmations=self.confirmations or network.confirmations,
            block_seconds=self.block_seconds or network.block_seconds,
        )


def rpc_urls_of(text: str) -> tuple[str, ...]:
    """Return the RPC URLs of a comma-separated text. Empty: the network's public ones, which are also meant by `public`."""
    urls = tuple(url.strip() for url in text.split(",") if url.strip())
    return () if urls == (PUBLIC_RPC_URLS,) else urls


def variables() -> Mapping[str, bool]:
    """Every variable of the environment that is read → whether it is needed."""
    return {one.metadata[_VARIABLE]: one.default is MISSING for one in fields(Settings)}


def settings_from(environ: Mapping[str, str]) -> Settings:
    """Raises ConfigurationError naming every variable that is missing or wrong, and what it says of it."""
    read: dict[str, Any] = {}
    problems: list[str] = []
    for one in fields(Settings):
        variable = one.metadata[_VARIABLE]
        value = environ.get(variable, "")
        if value == "":
            if one.default is MISSING:
                problems.append(f"{variable}: field required")
            continue
        try:
            read[one.name] = one.metadata[_READ](value)
        except ValueError as error:
            problems.append(f"{variable}: {error}")
    if not problems:
        problems += _contradictions(Settings(**read))
    if problems:
        raise ConfigurationError(f"The environment is not complete: {'; '.join(problems)}.")
    return Settings(**read)


def _contradictions(found: Settings) -> Iterator[str]:
    """What is right each by itself, and not together."""
    checked = (found.jwt_issuer, found.jwt_audience)
    if found.jwks_url is not None and None in checked:
        yield "JWKS_URL: needs JWT_ISSUER and JWT_AUDIENCE, or tokens that the provider issues for others would be taken"
    if found.jwks_url is None and checked != (None, None):
        yield "JWT_ISSUER, JWT_AUDIENCE: are checked of an identity provider's tokens only, and there is no JWKS_URL"
    if found.jwks_url is None and not found.takes_secret_tokens:
        yield "SECRET_TOKENS: without a JWKS_URL, no token at all would be taken"
    if found.requests_per_minute and found.limits_table is None:
        yield "REQUESTS_PER_MINUTE: needs LIMITS_TABLE"
    if "*" in found.cors_origins and found.stage != LOCAL_STAGE:
        yield "CORS_ORIGINS: * is for the local stage only"


@cache
def settings() -> Settings:
    return settings_from(os.environ)
