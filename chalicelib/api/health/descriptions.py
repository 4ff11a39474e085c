"""What the API reference tells about the health check."""

from collections.abc import Mapping

from chalicelib.api.health import replies
from chalicelib.api.schema.description import Description

DESCRIPTIONS: Mapping[str, Description] = {
    "health.handlers.health": Description("Tell whether the API answers at all.", {200: replies.HealthView}),
}
