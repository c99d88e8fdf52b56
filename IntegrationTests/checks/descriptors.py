"""Descriptors and credentials over Unix sockets, with Python's socket module and ps."""
import os
import socket
import tempfile

from support import LIMIT, Skipped, check, expect, run, sock_path, start


def exchange(program, half):
    kind = socket.SOCK_SEQPACKET if half == "packets" else socket.SOCK_STREAM
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, kind) as listener:
        path = f"{folder}/socket"
        listener.bind(path)
        listener.listen()
        listener.settimeout(LIMIT)
        peer = start(program, half, path)
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(LIMIT)
            reader, writer = os.pipe()
            os.write(writer, b"from Python")
            if half == "packets":
                connection.send(b"")
            socket.send_fds(connection, [b"x"], [reader])
            os.close(reader)
            os.close(writer)
            credentials, descriptors, _, _ = socket.recv_fds(connection, 4096, 4)
        expect(len(descriptors) == 1, f"{half}: Python received {len(descriptors)} descriptors")
        text = os.read(descriptors[0], 100)
        os.close(descriptors[0])
        expect(text == b"from Python", f"{half}: the descriptor contains {text!r}")
        peer.result().expect(0)
        own = run("ps", "-o", "pid=,euid=,egid=,supgid=", "-p", os.getpid()).expect(0).out
        expect(
            credentials.split() == own.split(),
            f"{half}: the credentials are {credentials!r}, but ps says {own!r}",
        )


@check("Python's send_fds and recv_fds exchange descriptors with both halves and with packets, and ps the credentials", "ps")
def _():
    program = sock_path().parent / "DescriptorPeer"
    if not program.is_file():
        raise Skipped(f"no program {program}; build all of the package")
    for half in ("blocking", "async", "packets"):
        exchange(program, half)
