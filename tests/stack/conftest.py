"""The whole stack, started once for the session on ports and in a directory of its own, and ended with it."""

from collections.abc import Iterator

import pytest

from stack.local import LocalStack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """Emulator, chain, the deployed template and zip, two funded accounts, an ERC-20."""
    with LocalStack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture(scope="session")
def env(stack: LocalStack) -> dict[str, str]:
    """What stack.env says."""
    return stack.env
