"""An identity provider on the loopback: real keys, and an HTTP server that publishes them as a JSON Web Key Set."""

import base64
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

ISSUER = "https://login.example/"
AUDIENCE = "jobs-api"

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def rsa_key(bits: int = 2_048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65_537, bits)


def ec_key(curve: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(curve or ec.SECP256R1())


def public_jwk(key: PrivateKey, **more: Any) -> dict[str, Any]:
    """Its public half as a provider publishes it."""
    algorithm = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), "use": "sig", **more}


def secret_jwk(secret: bytes, **more: Any) -> dict[str, Any]:
    return {"kty": "oct", "k": base64.urlsafe_b64encode(secret).rstrip(b"=").decode(), **more}


def signed(key: PrivateKey | str, kid: str | None, algorithm: str = "RS256", **claims: Any) -> str:
    """A token; a claim given as None is left out."""
    content = {"iss": ISSUER, "aud": AUDIENCE, "exp": time.time() + 600, **claims}
    content = {name: value for name, value in content.items() if value is not None}
    headers = {"typ": "JWT", **({"kid": kid} if kid is not None else {})}
    return jwt.PyJWS().encode(json.dumps(content).encode(), key, algorithm, headers)


class IdentityProviderServer:
    """`with IdentityProviderServer() as provider:` serves `provider.keys` at `provider.url`, or whatever `answer` does."""

    def __init__(self) -> None:
        self.keys: list[Any] = []
        self.requests = 0
        self.answer: Callable[[BaseHTTPRequestHandler], None] = self._publish
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.requests += 1
                server.answer(self)

            def log_message(self, *_: Any) -> None: ...

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None: ...

        self._http = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/.well-known/jwks.json"

    def __enter__(self) -> "IdentityProviderServer":
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def answers(self, status: int, content: bytes, **headers: str) -> None:
        """From now on, this."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(content)))
            handler.end_headers()
            handler.wfile.write(content)

        self.answer = answer

    def recovers(self) -> None:
        self.answer = self._publish

    def _publish(self, handler: BaseHTTPRequestHandler) -> None:
        content = json.dumps({"keys": self.keys}).encode()
        handler.send_response(200)
        handler.send_header("Content-Type", "application/jwk-set+json")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)
