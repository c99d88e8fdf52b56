"""The five listings of the design, each a program as it stands: at top level, in language mode 6, no flags."""
import signal

from support import check, expect, namespace, run, sock, sock_path, start, wait_bound

HOSTS = "127.0.0.1 localhost www.example.com\n"
SERVICES = "http 80/tcp\ndaytime 13/tcp\n"


def space():
    """Returns a namespace, in which the listings' fixed ports and names are free."""
    return namespace("listings", hosts=HOSTS, services=SERVICES)


def listing(name):
    program = sock_path().parent / name
    expect(program.is_file(), f"no program {program}: it is built with sock")
    return space().inside(program)


def server(*command, port, udp=False):
    process = start(*command)
    wait_bound(port, udp=udp, pid=process.pid)
    return process


@check("listing: a blocking client connects to a name and a service", "ip", "socat", root=True)
def _():
    server(*space().inside("socat", "TCP-LISTEN:80,bind=127.0.0.1", "SYSTEM:cat"), port=80)
    result = run(*listing("BlockingClient")).expect(0)
    expect(result.out.startswith(b"Connected from 127.0.0.1:"), f"output {result.out!r}")
    expect(result.out.endswith(b" to 127.0.0.1:80\n"), f"output {result.out!r}")


@check("listing: an async client reads lines to the end", "ip", "socat", root=True)
def _():
    server(*space().inside("socat", "TCP-LISTEN:13,bind=127.0.0.1", "SYSTEM:seq 2"), port=13)
    run(*listing("TaskClient")).expect(0, out=b"1\n2\n")


@check("listing: a client exchanges a line with a TCP echo server", "ip", root=True)
def _():
    echo = server(*listing("TaskEcho"), port=51423)
    run(*listing("LineExchange")).expect(0, out=b"hello\n")
    echo.signal(signal.SIGKILL)


@check("listing: a UDP server echoes datagrams", "ip", root=True)
def _():
    echo = server(*listing("DatagramEcho"), port=51423, udp=True)
    run(*space().inside(*sock("-u", "127.0.0.1", "51423")), stdin=b"hello").expect(0, out=b"hello")
    echo.signal(signal.SIGKILL)
