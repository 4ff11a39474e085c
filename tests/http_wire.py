"""HTTP/1.1 as the tests' proxies read and write it: request after request on a kept connection, bodies of a known length."""

import http.client
from collections.abc import Mapping
from typing import BinaryIO


def read_request(source: BinaryIO) -> tuple[str, str, dict[str, str], bytes] | None:
    """(method, path, headers by their names in lower case, body); None at the end of the connection."""
    line = source.readline()
    if not line.strip():
        return None
    method, path, _ = line.decode("latin-1").split(" ", 2)
    headers: dict[str, str] = {}
    while (line := source.readline()) not in (b"\r\n", b"\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    return method, path, headers, source.read(int(headers.get("content-length", 0)))


def response(status: int, headers: Mapping[str, str], content: bytes) -> bytes:
    lines = [f"HTTP/1.1 {status} {http.client.responses.get(status, '')}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines.append(f"Content-Length: {len(content)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + content
