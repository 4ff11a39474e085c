"""What every request of the Admin API takes that issues a job."""

from chalicelib.api.http.errors import invalid
from chalicelib.api.schema.fields import Id, Text
from chalicelib.api.schema.models import Checked


class JobBody(Checked):
    """What every call takes that issues a job."""

    correlation_id: Id | None = None
    network_type: Text | None = None

    def require_network(self, network: str) -> None:
        """Raises InvalidRequest for another network than the one the service serves."""
        if self.network_type not in (None, network):
            raise invalid([("networkType", f"This service sends transactions on {network} only.")])
