"""The registry of signers."""

from chalicelib.chain.signing.aws_kms import KmsSigner
from chalicelib.chain.signing.signers import AccountSigners
from tests.unit.chain.signing.key_services import FIRST, FIRST_KEY, Kms, Secrets, account, signers_of


def test_no_client_is_made_before_an_account_needs_it():
    made: list[str] = []
    secrets = Secrets(hot=FIRST_KEY)
    signers = AccountSigners(lambda service: made.append(service) or secrets)
    assert made == []
    signers.of(account("secret:hot"))
    signers.of(account("secret:hot"))
    assert made == ["secretsmanager"]


def test_no_repr_tells_a_key():
    kms, secrets = Kms(), Secrets(hot=FIRST_KEY)
    signers = signers_of(kms, secrets)
    signer = signers.of(account("secret:hot"))
    for shown in (repr(signer), str(signer), repr(signers), repr(KmsSigner(kms, "key-1", FIRST)), f"{[signer]!r}"):
        assert FIRST_KEY[2:] not in shown
        assert str(int(FIRST_KEY, 16)) not in shown
    assert repr(signer) == f"PrivateKeySigner({FIRST})"
