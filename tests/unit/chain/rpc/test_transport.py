"""How a request travels: who is believed, by which way, and with which credentials."""

import datetime
import gzip
import socket
import ssl
import threading
import time
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from chalicelib.chain.rpc import transport
from chalicelib.chain.rpc.transport import Bound, NoHttpResponse, Transport
from chalicelib.errors import ConfigurationError
from tests.unit.chain.rpc.raw_server import HEAD, RawServer
from tests.unit.chain.stub_node import Http

KEY = "s3cr3t-api-key-0123456789"
ANSWER_BYTES = 1_000_000
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


class Server:
    """HTTP on the loopback, with TLS when it has a certificate; remembers the paths and headers it was asked with."""

    def __init__(self, certificate=None):
        self.seen = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                server.seen.append((self.path, dict(self.headers)))
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.handle_error = lambda *_: None
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    @property
    def port(self):
        return self.http.server_port

    def close(self):
        self.http.shutdown()
        self.http.server_close()
        self.thread.join(5)


@pytest.fixture
def serve():
    started = []

    def start(certificate=None):
        started.append(Server(certificate))
        return started[-1]

    yield start
    for server in started:
        server.close()


@pytest.fixture
def certificate(tmp_path):
    """Of `localhost`, signed by nobody but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "server.pem"
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(key.private_bytes(*form) + built.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.fixture
def trusted(monkeypatch, certificate):
    """The certificate is among those that are believed."""
    context = ssl.create_default_context(cafile=certificate)
    monkeypatch.setattr(transport, "_certificates", lambda: context)


def test_a_certificate_that_nobody_vouches_for_gets_nothing(serve, certificate):
    server = serve(certificate)
    answer = Transport(f"https://localhost:{server.port}/{KEY}", ANSWER_BYTES).post(b"{}", 5)
    assert isinstance(answer, NoHttpResponse)
    assert KEY not in answer.reason
    assert server.seen == []


def test_a_certificate_that_is_believed_is_enough(serve, certificate, trusted):
    server = serve(certificate)
    answer = Transport(f"https://localhost:{server.port}/", ANSWER_BYTES).post(b"{}", 5)
    assert (answer.status, answer.body) == (200, b"{}")


def test_a_certificate_of_another_name_gets_nothing(serve, certificate, trusted):
    server = serve(certificate)
    assert isinstance(Transport(f"https://127.0.0.1:{server.port}/", ANSWER_BYTES).post(b"{}", 5), NoHttpResponse)
    assert server.seen == []


def test_certificates_are_read_once_a_process():
    assert transport._certificates() is transport._certificates()


def test_the_user_part_of_a_url_is_sent_as_basic_credentials_and_not_in_the_path(serve):
    server = serve()
    Transport(f"http://us%40er:p%3Ass@127.0.0.1:{server.port}/v3/{KEY}?a=1#part", ANSWER_BYTES).post(b"{}", 5)
    ((path, headers),) = server.seen
    assert path == f"/v3/{KEY}?a=1"
    assert headers["Authorization"] == "Basic dXNAZXI6cDpzcw=="
    assert headers["Host"] == f"127.0.0.1:{server.port}"
    assert "python" not in headers["User-Agent"].lower()


def test_a_url_without_a_user_part_sends_no_credentials(serve):
    server = serve()
    Transport(f"http://127.0.0.1:{server.port}", ANSWER_BYTES).post(b"{}", 5)
    assert "Authorization" not in server.seen[0][1]


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_the_environments_proxy_is_used(serve, monkeypatch, name):
    proxy = serve()
    monkeypatch.setenv(name, f"http://user:secret@127.0.0.1:{proxy.port}")
    assert Transport(f"http://{KEY}@node.example/rpc", ANSWER_BYTES).post(b"{}", 5).status == 200
    ((path, headers),) = proxy.seen
    assert path == "http://node.example/rpc"
    assert headers["Proxy-Authorization"] == "Basic dXNlcjpzZWNyZXQ="
    assert headers["Authorization"] == "Basic " + b64encode(f"{KEY}:".encode()).decode()


def test_a_host_that_the_environment_names_is_reached_without_the_proxy(serve, monkeypatch):
    proxy, server = serve(), serve()
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert Transport(f"http://127.0.0.1:{server.port}/", ANSWER_BYTES).post(b"{}", 5).status == 200
    assert (len(proxy.seen), len(server.seen)) == (0, 1)


@pytest.mark.parametrize("proxy", [f"socks5://{KEY}:1", f"ftp://{KEY}", f"http://{KEY}:99999", "http://"])
def test_a_proxy_that_cannot_be_used_is_a_fault_of_the_configuration(monkeypatch, proxy):
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(ConfigurationError, match="proxy") as raised:
        Transport("http://node.example/", ANSWER_BYTES)
    assert KEY not in raised.value.message


@pytest.mark.parametrize("url", ["http://[::1", "https://host:0/", "https://host:99999/", f"https://:{KEY}@/", "file:///etc"])
def test_a_url_that_cannot_be_read_is_a_fault_of_the_configuration(url):
    with pytest.raises(ConfigurationError) as raised:
        Transport(url, ANSWER_BYTES)
    assert KEY not in raised.value.message


def test_a_connection_that_the_server_closed_in_between_is_made_anew(stub):
    stub.http = lambda body: Http(body={"n": len(stub.bodies)}, headers={"Connection": "close"})
    to_stub = Transport(stub.url, ANSWER_BYTES)
    assert [to_stub.post(b'{"method": "m"}', 5).body for _ in range(3)] == [b'{"n": 1}', b'{"n": 2}', b'{"n": 3}']
    assert len(stub.connections) == 3


def test_compressed_answers_are_read(stub):
    stub.http = lambda body: Http(body=gzip.compress(b'{"result": 1}'), headers={"Content-Encoding": "gzip"})
    assert Transport(stub.url, ANSWER_BYTES).post(b'{"method": "m"}', 5).body == b'{"result": 1}'


def test_an_answer_that_breaks_off_may_have_arrived(stub):
    stub.http = lambda body: Http(body=b"not gzip", headers={"Content-Encoding": "gzip"})
    answer = Transport(stub.url, ANSWER_BYTES).post(b'{"method": "m"}', 5)
    assert isinstance(answer, NoHttpResponse)
    assert answer.maybe_received


# --- bounds of bytes and time ----------------------------------------------------------------------------------------------


@pytest.fixture
def raw():
    started = []

    def start(*pieces, pause_seconds=0.0):
        started.append(RawServer(pieces, pause_seconds))
        return started[-1]

    yield start
    for server in started:
        server.close()


@pytest.mark.parametrize(
    "answer",
    [
        (HEAD + b"Content-Length: 1001\r\n\r\n", b" " * 1_001),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[b"64\r\n" + b" " * 100 + b"\r\n"] * 11, b"0\r\n\r\n"),
        (HEAD + b"Content-Length: 999999999999999999999999\r\n\r\n",),
        (HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(b := gzip.compress(b" " * 10**8)), b),
    ],
    ids=["told", "chunked", "told too well", "compressed"],
)
def test_an_answer_above_its_bytes_is_cut_off_and_its_connection_not_used_again(raw, answer):
    server = raw(*answer)
    to_server = Transport(server.url, 1_000)
    for connections in (1, 2):
        exceeded = to_server.post(b"{}", 5)
        assert (exceeded.bound, exceeded.maybe_received, server.connections) == (Bound.BYTES, True, connections)
        assert "more than 1000 bytes" in exceeded.reason


def test_an_answer_of_as_many_bytes_as_may_be_is_read_and_its_connection_kept(raw):
    server = raw(HEAD + b"Content-Length: 1000\r\n\r\n", b"x" * 1_000)
    to_server = Transport(server.url, 1_000)
    for _ in range(3):
        assert to_server.post(b"{}", 5).body == b"x" * 1_000
    assert server.connections == 1


@pytest.mark.parametrize(
    "dripping",
    [
        (HEAD + b"Content-Length: 100\r\n\r\n", *[b" "] * 100),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[b"1\r\n \r\n"] * 100),
        tuple(bytes([byte]) for byte in HEAD),
        (HEAD, *[b"X-Drip: 1\r\n"] * 90),
    ],
    ids=["body", "chunks", "status line", "headers"],
)
def test_a_server_that_drips_is_cut_off_at_the_deadline(raw, dripping):
    started = time.monotonic()
    exceeded = Transport(raw(*dripping, pause_seconds=0.05).url, 1_000).post(b"{}", 0.4)
    assert (exceeded.bound, exceeded.maybe_received) == (Bound.TIME, True)
    assert 0.35 < time.monotonic() - started < 1.5


def test_a_server_that_takes_nothing_is_cut_off_at_the_deadline(raw):
    server = raw(b"")
    server.listening.listen(0)
    started = time.monotonic()
    with socket.create_connection(server.listening.getsockname()) as held:
        held.sendall(b"x")
        assert isinstance(Transport(server.url, 1_000).post(b"x" * 50_000_000, 0.4), NoHttpResponse)
    assert time.monotonic() - started < 1.5


def test_a_deadline_is_of_one_request_and_the_next_has_its_own(stub):
    stub.http = lambda body: time.sleep(0.2) or Http(body={})
    to_stub = Transport(stub.url, ANSWER_BYTES)
    for _ in range(4):
        assert to_stub.post(b'{"method": "m"}', 0.6).body == b"{}"
    assert len(stub.connections) == 1


def test_over_tls_a_server_that_drips_is_cut_off_as_well(serve, certificate, trusted, monkeypatch):
    server = serve(certificate)
    written = server.http.RequestHandlerClass.end_headers
    monkeypatch.setattr(server.http.RequestHandlerClass, "end_headers", lambda self: drip(self, written))
    exceeded = Transport(f"https://localhost:{server.port}/", ANSWER_BYTES).post(b"{}", 0.4)
    assert exceeded.bound is Bound.TIME


def drip(handler, end_headers):
    for number in range(30):
        handler.send_header("X-Drip", str(number))
        handler.flush_headers()
        handler.wfile.flush()
        time.sleep(0.05)
    end_headers(handler)
