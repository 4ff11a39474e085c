import pytest

from tests.unit.api.harness import Api, new_api


@pytest.fixture
def api() -> Api:
    return new_api()
