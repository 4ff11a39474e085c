"""Is the API there at all: without a token, a store, or settings."""

from chalice.app import Chalice, Response

from chalicelib.api.wire import Reply, request_id_of, response_from


def register_health_route(app: Chalice) -> None:
    def health() -> Response:
        return response_from(Reply({"response": "ok"}), request_id_of(app))

    app.route("/health", content_types=[])(health)
