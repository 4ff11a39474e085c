"""The fields of every request of the Admin API that issues a job."""

from pydantic import Field

from chalicelib.api.http.errors import invalid
from chalicelib.api.schema.fields import Id, Text
from chalicelib.api.schema.models import Checked


class JobBody(Checked):
    """The fields of every request of the Admin API that issues a job."""

    correlation_id: Id | None = Field(
        default=None, description="your own id of the job: the same request with it gives the same job, another answers 409"
    )
    network_type: Text | None = Field(default=None, description="name of the network of this stage; another is refused")

    def require_network(self, network: str) -> None:
        """Raise InvalidRequest for another network than the one that this stage serves."""
        if self.network_type not in (None, network):
            raise invalid(
                [("networkType", f"This stage sends transactions on {network} only: leave networkType out, or send {network}.")]
            )
