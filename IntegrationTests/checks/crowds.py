"""Many clients of one process with few threads."""
import contextlib
import re
import resource
import selectors
import signal
import socket
import time
from pathlib import Path

from support import Failed, check, expect, sock, start


def status(pid, field):
    """A number of /proc/PID/status."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{field}:\s+(\d+)", text, re.M).group(1))


def listening(*command):
    """Starts a server and returns it with the port that it prints."""
    server = start(*sock(*command))
    port = server.wait_for(rb"127\.0\.0\.1\D+(\d+)", stream="err").group(1)
    return server, int(port)


@contextlib.contextmanager
def crowd(port, count):
    """Connects a number of clients at the same time."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    expect(hard >= count + 64, f"the limit of open files, {hard}, is too low for {count} clients")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 64), hard))
    with contextlib.ExitStack() as clients:
        yield [
            clients.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
            for _ in range(count)
        ]


def receive(clients, expected, limit=30):
    """Reads from all clients until each has its expected bytes, and returns the longest pause in seconds."""
    got = {client: bytearray() for client in clients}
    pause = 0
    deadline = time.monotonic() + limit
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client, selectors.EVENT_READ)
        while selector.get_map():
            began = time.monotonic()
            ready = selector.select(deadline - began)
            pause = max(pause, time.monotonic() - began)
            if not ready:
                raise Failed(f"after {limit} s {len(selector.get_map())} clients still wait")
            for key, _ in ready:
                piece = key.fileobj.recv(1 << 16)
                got[key.fileobj] += piece
                if not piece or len(got[key.fileobj]) >= len(expected[key.fileobj]):
                    selector.unregister(key.fileobj)
    wrong = sum(got[client] != expected[client] for client in clients)
    expect(wrong == 0, f"{wrong} of {len(clients)} clients received unexpected bytes")
    return pause


@check("serve echo: at most 4 threads serve a thousand clients at the same time")
def _():
    server, port = listening("serve", "echo", "--threads", "2", "127.0.0.1", "0")
    with crowd(port, 1000) as clients:
        messages = {
            client: f"this is client {number}\n".encode() * 100
            for number, client in enumerate(clients)
        }
        for client, message in messages.items():
            client.sendall(message)
        receive(clients, messages)
        threads = status(server.pid, "Threads")
        expect(threads <= 2 + 2, f"{threads} threads")
    server.signal(signal.SIGTERM).result().expect(0)


@check("-lk: at most 6 threads send the input to two hundred clients")
def _():
    server, port = listening("-lkv", "127.0.0.1", "0")
    news = b"news for all clients\n" * 10_000
    with crowd(port, 200) as clients:
        server.wait_for(rb"(?:Connection from [^\n]*\n){200}", stream="err")
        server.send(news).end_input()
        receive(clients, dict.fromkeys(clients, news))
        threads = status(server.pid, "Threads")
        # The loop, the main thread, and one each for input, output, messages (because of -v) and signals.
        expect(threads <= 6, f"{threads} threads")
        for client in clients:
            expect(client.recv(1) == b"", "the end of the input is not the end of the stream")
            client.sendall(b"x")
    server.wait_for(rb"x{200}")
    server.signal(signal.SIGTERM).result().expect(0)


@check("-lk: a client that does not read delays the other clients for about 10 s and uses little memory")
def _():
    server, port = listening("-lkv", "127.0.0.1", "0")
    size = 64 << 20
    with crowd(port, 2) as clients:
        server.wait_for(rb"(?:Connection from [^\n]*\n){2}", stream="err")
        slow, fast = clients
        name = f"127.0.0.1:{slow.getsockname()[1]}".encode()
        server.send(bytes(size)).end_input()
        # The client that reads gets everything, although the other never reads a byte. A busy machine
        # prolongs the transfer, but not the pause in it.
        pause = receive([fast], {fast: bytes(size)}, limit=30)
        expect(9 < pause < 12, f"the longest pause was {pause:.1f} s, expected 10 to 11")
        expect(b"disconnected " + name in server.err, f"errors {server.err!r}")
        memory = status(server.pid, "VmHWM") >> 10
        expect(memory < 64, f"it took {memory} MiB of memory")
    server.signal(signal.SIGTERM).result().expect(0)
