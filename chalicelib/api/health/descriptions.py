"""What the API reference tells of the routes about health."""

from collections.abc import Mapping

from chalicelib.api.health import replies
from chalicelib.api.schema.description import Description

DESCRIPTIONS: Mapping[str, Description] = {
    "health.handlers.health": Description("Whether the API is there at all.", {200: replies.HealthView}),
}
