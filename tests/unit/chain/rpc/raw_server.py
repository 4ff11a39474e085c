"""A server that sends bytes as a test tells it to, and counts its connections."""

import socket
import threading
import time

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


class RawServer:
    """Sends the bytes it is given, `pause_seconds` apart, whatever it is asked."""

    def __init__(self, pieces, pause_seconds=0.0):
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.connections = 0
        self.pieces, self.pause_seconds = pieces, pause_seconds
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.listening.getsockname()[1]}"

    def serve(self):
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                try:
                    while self.takes_a_request(connection):
                        for piece in self.pieces:
                            connection.sendall(piece)
                            time.sleep(self.pause_seconds)
                except OSError:
                    continue

    @staticmethod
    def takes_a_request(connection):
        """Whether one came, to its end: the body is always {}."""
        taken = b""
        while not taken.endswith(b"{}"):
            if not (received := connection.recv(65_536)):
                return False
            taken += received
        return True

    def close(self):
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self.thread.join(5)
