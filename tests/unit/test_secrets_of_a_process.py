"""The secrets as a process holds them: read once, kept through an outage, and rotated while it runs."""

from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from chalicelib.auth.secrets import rotated
from chalicelib.errors import ServiceUnavailable
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
