"""The environment as the functions see it: what is missing or wrong is one sentence, before anything is done."""

import pytest

from chalicelib.errors import ConfigurationError
from chalicelib.settings import settings_from

ENVIRONMENT = {
    "STAGE": "local",
    "STACK_NAME": "jobs-api-local",
    "JOBS_TABLE": "jobs",
    "ACCOUNTS_TABLE": "accounts",
    "EXECUTE_QUEUE_URL": "http://127.0.0.1/execute.fifo",
    "CONFIRM_QUEUE_URL": "http://127.0.0.1/confirm",
    "JWT_SECRET_ID": "jobs-api-local/jwt",
    "PHONE_KEY_ID": "jobs-api-local/phone-numbers",
    "NETWORK": "fuse",
}
ADDRESS = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"


def test_what_the_template_leaves_empty_counts_as_absent() -> None:
    settings = settings_from(ENVIRONMENT | {"TOKEN_FACTORY": "", "WALLET_FACTORY": "", "JWT_TTL_DAYS": ""})
    assert (settings.token_factory, settings.wallet_factory, settings.jwt_ttl_days) == (None, None, 90)


def test_what_is_set_is_taken() -> None:
    settings = settings_from(ENVIRONMENT | {"TOKEN_FACTORY": ADDRESS, "WALLET_FACTORY": ADDRESS.lower(), "JWT_TTL_DAYS": "7"})
    assert (settings.token_factory, settings.wallet_factory, settings.jwt_ttl_days) == (ADDRESS, ADDRESS.lower(), 7)


@pytest.mark.parametrize("name", ["TOKEN_FACTORY", "WALLET_FACTORY"])
@pytest.mark.parametrize("wrong", ["0x12", ADDRESS[2:], f"{ADDRESS} ", "0x" + "g" * 40, f"{ADDRESS}\n"])
def test_a_factory_that_is_no_address_is_one_sentence(name: str, wrong: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        settings_from(ENVIRONMENT | {name: wrong})
    assert refused.value.message == f"The environment is not complete: {name}: must be an address, 0x and 40 hex digits."


@pytest.mark.parametrize("days", ["0", "-1", "3651", "many", "1.5"])
def test_tokens_are_valid_for_whole_days_within_reason(days: str) -> None:
    with pytest.raises(ConfigurationError, match="JWT_TTL_DAYS"):
        settings_from(ENVIRONMENT | {"JWT_TTL_DAYS": days})


def test_every_variable_that_is_missing_is_named() -> None:
    with pytest.raises(ConfigurationError) as refused:
        settings_from({})
    for name in ENVIRONMENT:
        assert f"{name}: field required" in refused.value.message
