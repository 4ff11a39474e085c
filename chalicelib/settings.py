"""The environment as one frozen record, read at first use. A wrong value raises one clear sentence.

It does without pydantic: every function reads its settings, and most requests need no pydantic.
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
"""This word stands for the network's public RPC URLs in a secret, because AWS takes no empty secret."""

_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::[0-9]{1,5})?", re.ASCII)
_LOOPBACK = re.compile(r"http://(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]{1,5})?(?:/.*)?", re.ASCII)
_VARIABLE = "variable"
_READ = "read"


# --- readers of one variable: each raises ValueError with what the value must be ---------------------------------------------


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
    """Return the address as it is written. Its checksum needs keccak, so the code that uses the address checks it."""
    if not ADDRESS.fullmatch(value):
        raise ValueError("must be an address, 0x and 40 hex digits")
    return value


def _yes_or_no(value: str) -> bool:
    if value not in ("true", "false"):
        raise ValueError("must be true or false")
    return value == "true"


def _provider_url(value: str) -> str:
    """Accept TLS, or a loopback address: a party that can change the answer could make valid JWTs."""
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
    """Return a dataclass field that is read from `variable`. Without a default, the variable is required."""
    metadata = {_VARIABLE: variable, _READ: read}
    return field(metadata=metadata) if default is MISSING else field(default=default, metadata=metadata)


# --- the settings ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The environment of a function. Empty strings count as absent, because CloudFormation has no optional variables."""

    stage: str = _from("STAGE")
    stack_name: str = _from("STACK_NAME")
    jobs_table: str = _from("JOBS_TABLE")
    accounts_table: str = _from("ACCOUNTS_TABLE")
    execute_queue_url: str = _from("EXECUTE_QUEUE_URL")
    confirm_queue_url: str = _from("CONFIRM_QUEUE_URL")
    jwt_secret_id: str = _from("JWT_SECRET_ID")
    jwt_ttl_days: int = _from("JWT_TTL_DAYS", _whole(1, 3_650), 90)
    """How many days the JWT of a new account's issuer is valid."""
    phone_key_id: str = _from("PHONE_KEY_ID")
    """The secret that holds the key of the phone numbers' hashes."""
    key_policy: str | None = _from("KEY_POLICY", _text, None)
    """The key policy that the API gives every KMS key it makes. Only the API has this variable."""
    jwks_url: str | None = _from("JWKS_URL", _provider_url, None)
    """Where an identity provider publishes the public keys of its JWTs (RS256, ES256)."""
    jwt_issuer: str | None = _from("JWT_ISSUER", _text, None)
    jwt_audience: str | None = _from("JWT_AUDIENCE", _text, None)
    """The `iss` and the `aud` that a JWT of the identity provider must have."""
    secret_tokens: bool | None = _from("SECRET_TOKENS", _yes_or_no, None)
    """Whether HS256 JWTs of the shared secret are accepted. By default they are if there is no identity provider."""
    limits_table: str | None = _from("LIMITS_TABLE", _text, None)
    requests_per_minute: int = _from("REQUESTS_PER_MINUTE", _whole(0, 1_000_000), 0)
    """How many requests each issuer may make in a minute. 0 means no limit."""
    open_jobs_of_owner: int = _from("OPEN_JOBS_OF_OWNER", _whole(1, 1_000_000), Bounds().open_jobs_of_owner)
    unsigned_seconds: int = _from("UNSIGNED_SECONDS", _whole(60, 31_536_000), int(Bounds().unsigned_seconds))
    unmined_blocks: int = _from("UNMINED_BLOCKS", _whole(1, 1_000_000), Bounds().unmined_blocks)
    """These three replace the values of the same name in `Bounds`."""
    cors_origins: tuple[str, ...] = _from("CORS_ORIGINS", _origins, ())
    """Origins whose pages may use the API from a browser. `*` means every origin, and only the local stage may use it."""
    cursor_ttl_seconds: int = _from("CURSOR_TTL_SECONDS", _whole(60), 86_400)
    log_level: str = _from("LOG_LEVEL", _text, "INFO")

    network_name: str = _from("NETWORK")
    rpc_urls: str | None = _from("RPC_URLS", _text, None)
    """Comma-separated RPC URLs, for a stage without a secret of them. A URL may hold a provider's key: AWS stages have one."""
    rpc_urls_id: str | None = _from("RPC_URLS_ID", _text, None)
    """The secret that holds the RPC URLs, as `rpc_urls_of` reads them."""
    rpc_urls_version: str | None = _from("RPC_URLS_VERSION", _text, None)
    """No code reads it. It changes with the RPC URLs, so that Lambda then starts new processes of its functions."""
    chain_id: int | None = _from("CHAIN_ID", _whole(1), None)
    confirmations: int | None = _from("CONFIRMATIONS", _whole(1), None)
    block_seconds: float | None = _from("BLOCK_SECONDS", _seconds, None)
    token_factory: str | None = _from("TOKEN_FACTORY", _address, None)
    wallet_factory: str | None = _from("WALLET_FACTORY", _address, None)
    """The contracts that make ERC-20 tokens and wallets. Requests that need an absent one are answered as not configured."""

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
        """The network that NETWORK names in `chalicelib.networks`, with the values that the stage overrides."""
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
    """Return the RPC URLs of a comma-separated text. An empty text or `public` returns (): use the network's public URLs."""
    urls = tuple(url.strip() for url in text.split(",") if url.strip())
    return () if urls == (PUBLIC_RPC_URLS,) else urls


def variables() -> Mapping[str, bool]:
    """Return every environment variable that is read, with whether it is required."""
    return {one.metadata[_VARIABLE]: one.default is MISSING for one in fields(Settings)}


def settings_from(environ: Mapping[str, str]) -> Settings:
    """Return the settings. Raises ConfigurationError with every variable that is missing or wrong, and what it must be."""
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
    """Yield a problem for each pair of values that are valid alone and contradict each other."""
    checked = (found.jwt_issuer, found.jwt_audience)
    if found.jwks_url is not None and None in checked:
        yield "JWKS_URL: needs JWT_ISSUER and JWT_AUDIENCE; without them, JWTs that the provider makes for others would pass"
    if found.jwks_url is None and checked != (None, None):
        yield "JWT_ISSUER, JWT_AUDIENCE: need JWKS_URL, because only an identity provider's JWTs are checked for them"
    if found.jwks_url is None and not found.takes_secret_tokens:
        yield "SECRET_TOKENS: must be true without a JWKS_URL, or no JWT would be accepted"
    if found.requests_per_minute and found.limits_table is None:
        yield "REQUESTS_PER_MINUTE: needs LIMITS_TABLE"
    if "*" in found.cors_origins and found.stage != LOCAL_STAGE:
        yield "CORS_ORIGINS: * is for the local stage only"


@cache
def settings() -> Settings:
    return settings_from(os.environ)
