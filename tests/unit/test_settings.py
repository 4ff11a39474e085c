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


PROVIDER = {"JWKS_URL": "https://login.example/jwks.json", "JWT_ISSUER": "https://login.example/", "JWT_AUDIENCE": "jobs-api"}


def refusal(**variables: str) -> str:
    with pytest.raises(ConfigurationError) as refused:
        settings_from(ENVIRONMENT | variables)
    return refused.value.message


def test_with_an_identity_provider_tokens_of_the_secret_are_taken_only_when_that_is_said() -> None:
    assert settings_from(ENVIRONMENT).takes_secret_tokens
    assert not settings_from(ENVIRONMENT | PROVIDER).takes_secret_tokens
    assert settings_from(ENVIRONMENT | PROVIDER | {"SECRET_TOKENS": "true"}).takes_secret_tokens


@pytest.mark.parametrize("missing", ["JWT_ISSUER", "JWT_AUDIENCE"])
def test_an_identity_provider_without_what_its_tokens_must_say_is_refused(missing: str) -> None:
    assert "JWKS_URL" in refusal(**PROVIDER | {missing: ""})


def test_what_would_not_be_checked_or_would_let_nobody_in_is_refused() -> None:
    assert "JWT_AUDIENCE" in refusal(JWT_AUDIENCE="jobs-api")
    assert "JWT_ISSUER" in refusal(JWT_ISSUER="https://login.example/")
    assert "SECRET_TOKENS" in refusal(SECRET_TOKENS="false")
    assert "LIMITS_TABLE" in refusal(REQUESTS_PER_MINUTE="10")


@pytest.mark.parametrize(
    "url",
    [
        "http://login.example/jwks.json",
        "http://127.0.0.1.login.example/jwks.json",
        "http://localhost.login.example/",
        "http://127.0.0.1@login.example/",
        "https://user:password@login.example/",
        "ftp://login.example/jwks.json",
        "file:///etc/passwd",
        "login.example/jwks.json",
        "https://",
        "https:///jwks.json",
        "https://login.example/a b",
        "https://login.example/\n",
    ],
)
def test_keys_that_somebody_on_the_way_could_change_are_refused(url: str) -> None:
    assert "JWKS_URL: must be an https:// URL" in refusal(**PROVIDER | {"JWKS_URL": url})


@pytest.mark.parametrize(
    "url",
    ["https://login.example/jwks.json?v=1", "https://[2001:db8::1]:8443/", "http://127.0.0.1:8080/jwks", "http://[::1]:1/"],
)
def test_keys_over_tls_or_from_this_machine_are_taken(url: str) -> None:
    assert settings_from(ENVIRONMENT | PROVIDER | {"JWKS_URL": url}).jwks_url == url


@pytest.mark.parametrize(
    ("variable", "value"),
    [("SECRET_TOKENS", "yes"), ("SECRET_TOKENS", "True"), ("REQUESTS_PER_MINUTE", "-1"), ("REQUESTS_PER_MINUTE", "many")],
)
def test_a_value_that_cannot_be_meant_is_refused_by_its_name(variable: str, value: str) -> None:
    assert f"{variable}: must be" in refusal(**{variable: value})


def test_every_variable_that_is_missing_is_named() -> None:
    with pytest.raises(ConfigurationError) as refused:
        settings_from({})
    for name in ENVIRONMENT:
        assert f"{name}: field required" in refused.value.message
