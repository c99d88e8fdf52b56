"""A loop waits for the descriptor of libpq, PostgreSQL's C library.

The server is a script that speaks enough of the protocol. It decides where a reply is split and when it
reads, so the client must wait in both directions. A real server would answer at once, and its packages
and its first start would cost CI a minute.
"""
import ctypes
import socket
import struct
import time

from support import LIMIT, Skipped, check, expect, sock_path, start

PADDING = 32 << 20  # more than the buffers of a connection hold


def message(kind, body):
    return kind + struct.pack("!i", len(body) + 4) + body


def receive(connection, count):
    received = bytearray()
    while len(received) < count:
        part = connection.recv(min(1 << 20, count - len(received)))
        expect(part, f"the client closed after {len(received)} of {count} bytes")
        received += part
    return bytes(received)


def send_in_pieces(connection, reply):
    for index in range(0, len(reply), 7):
        connection.sendall(reply[index:index + 7])
        # Without the pause, the client would receive the whole reply at once.
        time.sleep(0.005)


def serve(connection):
    size, protocol = struct.unpack("!ii", receive(connection, 8))
    expect(protocol >> 16 == 3, f"the client speaks protocol {protocol:#x}")
    startup = receive(connection, size - 8).split(b"\0")
    expect(b"alice" in startup, f"the startup message is {startup}")
    ready = message(b"Z", b"I")
    send_in_pieces(
        connection,
        message(b"R", struct.pack("!i", 0))
        + message(b"S", b"server_version\0" + b"17.0\0")
        + message(b"S", b"client_encoding\0UTF8\0")
        + message(b"K", struct.pack("!ii", 1, 2))
        + ready,
    )
    # The client fills the buffers meanwhile, and must wait until it can write.
    kind, size = struct.unpack("!ci", receive(connection, 5))
    time.sleep(0.1)
    query = receive(connection, size - 4)
    expect(kind == b"Q" and query.startswith(b"SELECT 'x' -- x"), f"the client sent {kind} {query[:20]}")
    expect(len(query) > PADDING, f"the query has {len(query)} bytes")
    column = b"value\0" + struct.pack("!ihihih", 0, 0, 25, -1, -1, 0)
    send_in_pieces(
        connection,
        message(b"T", struct.pack("!h", 1) + column)
        + message(b"D", struct.pack("!hi", 1, 5) + b"hello")
        + message(b"C", b"SELECT 1\0")
        + ready,
    )


@check("a loop waits for libpq's descriptor in both directions")
def _():
    program = sock_path().parent / "PostgresClient"
    if not program.is_file():
        raise Skipped(f"no program {program}; build all of the package")
    try:
        ctypes.CDLL("libpq.so.5")
    except OSError as error:
        raise Skipped("no libpq.so.5; install the package libpq5") from error
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(LIMIT)
        port = listener.getsockname()[1]
        options = f"host=127.0.0.1 port={port} user=alice dbname=test sslmode=disable gssencmode=disable"
        client = start(program, options, "SELECT 'x'", PADDING)
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(LIMIT)
            serve(connection)
            result = client.result().expect(0)
    value, waits = result.out.decode().splitlines()
    expect(value == "hello", f"the query returned {value!r}")
    _, reading, _, writing = waits.split()
    # The client writes at least once before it is connected.
    expect(int(reading) > 2 and int(writing) > 1, f"the client waited: {waits}")
