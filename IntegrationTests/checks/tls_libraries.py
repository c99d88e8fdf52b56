"""A program that does not use TLS loads no TLS library."""
import re
from pathlib import Path

from support import Skipped, check, expect, run, sock, sock_path, start

LIBRARY = re.compile(r"lib(?:ssl|crypto|gnutls)\b")


def expect_none(text, where):
    found = sorted(set(LIBRARY.findall(text)))
    expect(not found, f"{where} contains {', '.join(found)}")


def expect_plain(program):
    expect_none(run("ldd", program).expect(0).out.decode(), f"`ldd {program.name}`")


def expect_plain_maps(process):
    maps = Path(f"/proc/{process.pid}/maps").read_text()
    expect("libc.so" in maps, "the maps contain not even the C library")
    expect_none(maps, f"the maps of `{' '.join(process.command)}`")


@check("sock links no TLS library, and loads none to listen and to connect without TLS", "ldd")
def _():
    expect_plain(sock_path())
    server = start(*sock("-l", "127.0.0.1", "0"))
    port = server.wait_for(rb":(\d+)", "err").group(1).decode()
    client = start(*sock("127.0.0.1", port)).send(b"to the server\n")
    server.wait_for(rb"to the server")
    server.send(b"to the client\n")
    client.wait_for(rb"to the client")
    for process in (server, client):
        expect_plain_maps(process)


@check("EchoServer links no TLS library, and loads none to serve", "ldd")
def _():
    program = sock_path().parent / "EchoServer"
    if not program.is_file():
        raise Skipped(f"no program {program}; build all of the package")
    expect_plain(program)
    server = start("stdbuf", "-oL", program, "0")
    port = server.wait_for(rb":(\d+)").group(1).decode()
    run(*sock("-N", "127.0.0.1", port), stdin=b"hello\n").expect(0, out=b"hello\n")
    expect_plain_maps(server)
