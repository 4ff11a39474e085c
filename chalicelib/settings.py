"""The environment as one frozen record, read at first use; a wrong value is one clear sentence.

Without pydantic: every function reads its settings, and most requests need nothing else of it.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from functools import cache
from math import inf
from typing import Any

from chalicelib.errors import ConfigurationError
from chalicelib.networks import NETWORKS, Network

JWT_SECRET_MIN_BYTES = 32  # RFC 7518 section 3.2: an HS256 key is at least as long as its hash

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
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
    if not _ADDRESS.fullmatch(value):
        raise ValueError("must be an address, 0x and 40 hex digits")
    return value


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
    cursor_ttl_seconds: int = _from("CURSOR_TTL_SECONDS", _whole(60), 86_400)
    log_level: str = _from("LOG_LEVEL", _text, "INFO")

    network_name: str = _from("NETWORK")
    rpc_urls: str | None = _from("RPC_URLS", _text, None)
    chain_id: int | None = _from("CHAIN_ID", _whole(1), None)
    confirmations: int | None = _from("CONFIRMATIONS", _whole(1), None)
    block_seconds: float | None = _from("BLOCK_SECONDS", _seconds, None)
    token_factory: str | None = _from("TOKEN_FACTORY", _address, None)
    wallet_factory: str | None = _from("WALLET_FACTORY", _address, None)
    """The network's contracts that make tokens and wallets; without one, what needs it is not configured."""

    @property
    def network(self) -> Network:
        """The stage's network: the one of `chalicelib.networks` named by NETWORK, with what the stage overrides."""
        try:
            network = NETWORKS[self.network_name]
        except KeyError:
            raise ConfigurationError(
                f"NETWORK is {self.network_name!r}; it must be one of {', '.join(sorted(NETWORKS))}."
            ) from None
        urls = tuple(url.strip() for url in (self.rpc_urls or "").split(",") if url.strip())
        return replace(
            network,
            rpc_urls=urls or network.rpc_urls,
            chain_id=self.chain_id or network.chain_id,
            confirmations=self.confirmations or network.confirmations,
            block_seconds=self.block_seconds or network.block_seconds,
        )


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
    if problems:
        raise ConfigurationError(f"The environment is not complete: {'; '.join(problems)}.")
    return Settings(**read)


@cache
def settings() -> Settings:
    return settings_from(os.environ)
