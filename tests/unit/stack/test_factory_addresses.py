"""An address that is given to a deployment is looked at before anything is deployed."""

import pytest

from stack.deployment.factories import address_parameter, deploy_factories
from stack.errors import StackError
from stack.progress import silent

CHECKSUMMED = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"


@pytest.mark.parametrize("address", [CHECKSUMMED, CHECKSUMMED.lower()])
def test_an_address_is_taken_as_it_is(address: str) -> None:
    assert address_parameter("TOKEN_FACTORY", address) == address


@pytest.mark.parametrize("wrong", ["0x", "0x12", CHECKSUMMED[2:], CHECKSUMMED + "00", "token", "0x" + "g" * 40])
def test_what_is_no_address_is_one_sentence_with_its_name(wrong: str) -> None:
    with pytest.raises(StackError, match=r"WALLET_FACTORY must be an address, 0x and 40 hex digits"):
        address_parameter("WALLET_FACTORY", wrong)


def test_a_mistyped_checksum_is_one_sentence() -> None:
    with pytest.raises(StackError, match="fails its checksum"):
        address_parameter("TOKEN_FACTORY", CHECKSUMMED.replace("5aA", "5aa"))


def test_an_unknown_stage_is_refused_before_a_node_is_asked() -> None:
    with pytest.raises(StackError, match=r"no stage 'sparc' .* fuse, local, spark"):
        deploy_factories("sparc", "http://127.0.0.1:1", "0x" + "11" * 32, silent)
