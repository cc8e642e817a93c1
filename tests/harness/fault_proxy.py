"""Stands between a client and an HTTP/1.1 server on loopback, and does to requests what networks and overloaded servers do.

    with FaultProxy(server_port, seed=7, one_in=10) as proxy: … http://127.0.0.1:{proxy.port} …

Which request suffers is chance by a seed, or what `decide(method, target)` says: one of FATES, or None.
(tests/conformance/storage/fault_proxy.h is the same for C++ tests, request by request.)
"""
import collections
import random
import socket
import struct
import threading

FATES = {
    "reset": "the connection is reset before the server sees the request",
    "half": "it is reset in the middle of the request",
    "lost": "the server does it, and the connection is reset instead of an answer",
    "cut": "the answer ends in its middle",
    "busy": "503 SlowDown instead of the server's answer; the server sees nothing",
    "broken": "500 InternalError instead; the server sees nothing",
    "stall": "the answer comes when the client has long given up",
    "late": "the client sees a reset, and the request arrives after others that were sent later",
    "slow": "it is overtaken by others",
}


class _Stream:
    """A socket that is read by lines and lengths."""

    def __init__(self, sock):
        self.sock, self.buffer = sock, b""

    def more(self):
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionError("closed")
        self.buffer += data

    def until(self, mark):
        while mark not in self.buffer:
            self.more()
        head, self.buffer = self.buffer.split(mark, 1)
        return head + mark

    def exactly(self, count):
        while len(self.buffer) < count:
            self.more()
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data


def _headers(head):
    lines = head.decode("latin1").split("\r\n")[1:]
    return {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines if line)}


def _body(stream, headers):
    if "chunked" not in headers.get("transfer-encoding", ""):
        return stream.exactly(int(headers.get("content-length", 0)))
    body = b""
    while True:
        line = stream.until(b"\r\n")
        size = int(line.split(b";")[0], 16)
        body += line + stream.exactly(size + 2)
        if size == 0:
            return body


def _answer(stream, method):
    head = stream.until(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    if status == 100:
        return _answer(stream, method)
    empty = method == "HEAD" or status in (204, 304)
    return head + (b"" if empty else _body(stream, _headers(head)))


def _error(status, code):
    body = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>by a test</Message></Error>".encode()
    return f"HTTP/1.1 {status} by a test\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


class FaultProxy:
    def __init__(self, server_port, seed=1, one_in=10, fates=tuple(FATES), decide=None, stall_seconds=3.0):
        self.server_port, self.stall_seconds, self.counts = server_port, stall_seconds, collections.Counter()
        self._random, self._one_in, self._fates, self._lock = random.Random(seed), one_in, fates, threading.Lock()
        self._decide, self._stop = decide or self._by_chance, threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    def heal(self):
        """From now on everything passes."""
        self._decide = lambda method, target: None

    def _by_chance(self, method, target):
        return self._random.choice(self._fates) if self._one_in and self._random.randrange(self._one_in) == 0 else None

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._listener.close()

    def _accept(self):
        while not self._stop.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    @staticmethod
    def _reset(client):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # RST instead of FIN

    def _ask(self, method, request):
        with socket.create_connection(("127.0.0.1", self.server_port), 30) as server:
            server.sendall(request)
            return _answer(_Stream(server), method)

    def _serve(self, client):
        with client:
            try:
                stream = _Stream(client)
                while self._one(client, stream):
                    pass
            except (OSError, ValueError):
                pass  # whoever is at the other end has gone

    def _one(self, client, stream):
        """One request; whether the connection stays."""
        head = stream.until(b"\r\n\r\n")
        method, target, _ = head.split(b"\r\n")[0].decode("latin1").split(" ", 2)
        with self._lock:
            fate = self._decide(method, target)
            self.counts[fate or "passed"] += 1
        if fate in ("reset", "half"):
            if fate == "half":
                stream.exactly(min(len(stream.buffer), 100))
            self._reset(client)
            return False
        headers = _headers(head)
        if headers.get("expect", "").lower() == "100-continue":
            client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            head = b"\r\n".join(line for line in head.split(b"\r\n") if not line.lower().startswith(b"expect:"))
        request = head + _body(stream, headers)
        if fate == "late":
            threading.Timer(0.3, self._deliver, (method, request)).start()
            self._reset(client)
            return False
        if fate in ("busy", "broken"):
            client.sendall(_error(503, "SlowDown") if fate == "busy" else _error(500, "InternalError"))
            return True
        if fate == "slow":
            self._stop.wait(0.2)
        answer = self._ask(method, request)
        if fate == "lost":
            self._reset(client)
            return False
        if fate == "stall":
            self._stop.wait(self.stall_seconds)
        if fate == "cut" and len(answer) > 20:
            client.sendall(answer[:len(answer) // 2])
            return False
        client.sendall(answer)
        return True

    def _deliver(self, method, request):
        try:
            self._ask(method, request)
        except (OSError, ValueError):
            pass
