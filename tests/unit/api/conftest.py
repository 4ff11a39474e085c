from collections.abc import Iterator

import pytest

from chalicelib.api.reference import handlers
from stack.build.reference.files import write_reference
from tests.unit.api.harness import Api, new_api


@pytest.fixture
def api() -> Api:
    return new_api()


@pytest.fixture(scope="session", autouse=True)
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The files of the API reference, as `make package` writes them into the zip."""
    directory = tmp_path_factory.mktemp("reference")
    write_reference(directory)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(handlers, "DIRECTORY", directory)
        yield
