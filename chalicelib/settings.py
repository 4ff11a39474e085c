"""The environment as one frozen model, read at first use; a wrong value is one clear sentence."""

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from chalicelib.errors import ConfigurationError
from chalicelib.networks import NETWORKS, Network

JWT_SECRET_MIN_BYTES = 32  # RFC 7518 section 3.2: an HS256 key is at least as long as its hash

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)


def _address(value: str) -> str:
    """As it was given: its checksum needs keccak, and is looked at where the address is used."""
    if not _ADDRESS.fullmatch(value):
        raise PydanticCustomError("address", "must be an address, 0x and 40 hex digits")
    return value


class Settings(BaseModel):
    """What a function is told by its environment. Empty strings count as absent: CloudFormation has no optional variables."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    stage: str = Field(alias="STAGE")
    stack_name: str = Field(alias="STACK_NAME")
    jobs_table: str = Field(alias="JOBS_TABLE")
    accounts_table: str = Field(alias="ACCOUNTS_TABLE")
    execute_queue_url: str = Field(alias="EXECUTE_QUEUE_URL")
    confirm_queue_url: str = Field(alias="CONFIRM_QUEUE_URL")
    jwt_secret_id: str = Field(alias="JWT_SECRET_ID")
    jwt_ttl_days: int = Field(default=90, alias="JWT_TTL_DAYS", ge=1, le=3_650)
    """How long the token of a new account's issuer is valid."""
    phone_key_id: str = Field(alias="PHONE_KEY_ID")
    """The secret whose value keys the hashes that phone numbers are found by."""
    cursor_ttl_seconds: int = Field(default=86_400, alias="CURSOR_TTL_SECONDS", ge=60)
    log_level: str = Field(default="INFO", alias="LOG_LEVEL")

    network_name: str = Field(alias="NETWORK")
    rpc_urls: str | None = Field(default=None, alias="RPC_URLS")
    chain_id: int | None = Field(default=None, alias="CHAIN_ID", ge=1)
    confirmations: int | None = Field(default=None, alias="CONFIRMATIONS", ge=1)
    block_seconds: float | None = Field(default=None, alias="BLOCK_SECONDS", gt=0)
    token_factory: Annotated[str, AfterValidator(_address)] | None = Field(default=None, alias="TOKEN_FACTORY")
    wallet_factory: Annotated[str, AfterValidator(_address)] | None = Field(default=None, alias="WALLET_FACTORY")
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


def settings_from(environ: Mapping[str, str]) -> Settings:
    """Raises ConfigurationError naming every variable that is missing or wrong, and what it says of it."""
    try:
        return Settings.model_validate({key: value for key, value in environ.items() if value != ""})
    except ValidationError as error:
        problems = "; ".join(f"{problem['loc'][0]}: {problem['msg'].lower()}" for problem in error.errors())
        raise ConfigurationError(f"The environment is not complete: {problems}.") from None


@cache
def settings() -> Settings:
    return settings_from(os.environ)
