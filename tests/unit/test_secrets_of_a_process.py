"""The secrets as a process holds them: read once, kept through an outage, and rotated while it runs."""

from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from chalicelib.auth.secrets import rotated
from chalicelib.cached import FRESH_SECONDS
from chalicelib.errors import ChainUnavailable, ServiceUnavailable
from chalicelib.settings import settings_from
from chalicelib.wiring import Wiring
from tests.unit.api.harness import environment

KEY = "kZ8vXr2Qp5Lw9TnB4cYh7GdJ3mFs6AeU"
NEXT = "Uj3mWq8Zt1Rb6Yc0Xv5Ns9Ld4Hf7Kg2P"


class SecretsManager:
    def __init__(self) -> None:
        self.values = {"jwt": KEY, "phone-numbers": "a key of phone numbers"}
        self.asked: list[str] = []
        self.away = False

    def get_secret_value(self, SecretId: str) -> dict[str, Any]:
        self.asked.append(SecretId)
        if self.away:
            raise EndpointConnectionError(endpoint_url="https://secretsmanager")
        return {"SecretString": self.values[SecretId]}


@pytest.fixture
def aws() -> SecretsManager:
    return SecretsManager()


@pytest.fixture
def wiring(aws: SecretsManager) -> Wiring:
    wiring = Wiring()
    given: Any = {"settings": settings_from(environment()), "_secretsmanager": aws}
    wiring.__dict__.update(given)  # what the properties would have made
    return wiring


def test_each_secret_is_read_once(wiring: Wiring, aws: SecretsManager) -> None:
    for _ in range(3):
        assert wiring.token_keys.get().signing == KEY
        assert wiring.phone_key() == b"a key of phone numbers"
    assert aws.asked == ["jwt", "phone-numbers"]


def test_an_outage_before_the_first_value_passes(wiring: Wiring, aws: SecretsManager) -> None:
    aws.away = True
    for read in (wiring.token_keys.get, wiring.phone_key):
        with pytest.raises(ServiceUnavailable):
            read()
    aws.away = False
    assert wiring.phone_key() == b"a key of phone numbers"
    assert wiring.token_keys.get().signing == KEY


def test_a_rotated_secret_is_found_by_who_looks_for_its_key(wiring: Wiring, aws: SecretsManager) -> None:
    before = wiring.token_keys.get()
    aws.values["jwt"] = rotated(KEY, NEXT, "2026-11", "local")
    after = wiring.token_keys.newer_than(before)
    assert (after.current, after.all) == ("2026-11", (NEXT, KEY))


def test_there_is_no_identity_provider_and_no_limit_unless_they_are_set(wiring: Wiring) -> None:
    assert wiring.identity_provider is None
    for _ in range(100):
        wiring.limiter.take("me")
    assert "_limits" not in wiring.__dict__


# --- RPC URLs ----------------------------------------------------------------------------------------------------------

FIRST, SECOND = "https://first.example/v2/a-key-of-the-provider", "https://second.example"


@pytest.fixture
def on_chain(wiring: Wiring, aws: SecretsManager) -> Wiring:
    wiring.__dict__["settings"] = settings_from(environment() | {"RPC_URLS_ID": "rpc-urls"})
    aws.values["rpc-urls"] = f"{FIRST}, {SECOND}"
    return wiring


def asked_of(wiring: Wiring) -> str:
    assert wiring.chain
    return repr(wiring._rpc)


def test_the_rpc_urls_are_read_when_the_chain_is_first_used_and_once(on_chain: Wiring, aws: SecretsManager) -> None:
    assert on_chain.network.chain_id == 122
    assert aws.asked == []
    for _ in range(3):
        assert on_chain.contracts
        assert asked_of(on_chain) == "RpcClient(first.example, second.example)"
    assert aws.asked == ["rpc-urls"]


def test_other_rpc_urls_are_used_once_they_are_read_and_the_same_ones_change_nothing(
    on_chain: Wiring, aws: SecretsManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("chalicelib.cached.Cached.__init__.__defaults__", (lambda: now[0],))
    chain = on_chain.chain
    now[0] += FRESH_SECONDS + 1
    assert on_chain.chain is chain
    aws.values["rpc-urls"] = SECOND
    now[0] += FRESH_SECONDS + 1
    assert asked_of(on_chain) == "RpcClient(second.example)"
    aws.away = True
    now[0] += FRESH_SECONDS + 1
    assert asked_of(on_chain) == "RpcClient(second.example)", "an outage is no reason to stop"


@pytest.mark.parametrize("text", ["public", " public ", "", " , "])
def test_without_rpc_urls_of_its_own_a_stage_asks_the_networks_public_node(
    on_chain: Wiring, aws: SecretsManager, text: str
) -> None:
    aws.values["rpc-urls"] = text
    assert asked_of(on_chain) == "RpcClient(rpc.fuse.io)"


def test_while_the_rpc_urls_cannot_be_read_the_chain_is_unavailable(on_chain: Wiring, aws: SecretsManager) -> None:
    aws.away = True
    for part in ("chain", "contracts"):
        with pytest.raises(ChainUnavailable, match="The RPC URLs cannot be read"):
            getattr(on_chain, part)
    aws.away = False
    assert asked_of(on_chain) == "RpcClient(first.example, second.example)"


def test_rpc_urls_of_the_environment_need_no_secret(on_chain: Wiring, aws: SecretsManager) -> None:
    given = {"RPC_URLS_ID": "rpc-urls", "RPC_URLS": SECOND}
    on_chain.__dict__["settings"] = settings_from(environment() | given)
    assert asked_of(on_chain) == "RpcClient(second.example)"
    assert aws.asked == []
