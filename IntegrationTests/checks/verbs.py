"""Open ports, names, services, the tour and the help."""
from support import check, expect, free_port, namespace, run, sock, xinetd


@check("-z exits with 0 on an open port and with 7 on a closed port", "xinetd")
def _():
    run(*sock("-z", "127.0.0.1", xinetd("echo"))).expect(0, out=b"", err=b"")
    run(*sock("-z", "127.0.0.1", free_port())).expect(7, out=b"")


@check("-z with -v, in any spelling, says that the port is open", "xinetd")
def _():
    port = xinetd("echo")
    for flags in (["-vz"], ["-v", "-z"], ["-zvw2"], ["-zv", "-w", "2"]):
        result = run(*sock(*flags, "127.0.0.1", port)).expect(0, out=b"")
        expect(str(port).encode() in result.err, f"{flags}: {result.err!r}")


@check("-v prints the peer's address on standard error", "xinetd")
def _():
    port = xinetd("daytime")
    result = run(*sock("-v", "127.0.0.1", port)).expect(0)
    expect(f"127.0.0.1:{port}".encode() in result.err, f"errors {result.err!r}")
    expect(result.out.count(b"\n") == 1, f"output {result.out!r}")


@check("-p and -s set the local port and address", "xinetd")
def _():
    port = free_port()
    result = run(*sock("-v", "-p", port, "-s", "127.0.0.2", "127.0.0.1", xinetd("daytime")))
    result.expect(0)
    expect(f"127.0.0.2:{port}".encode() in result.err, f"errors {result.err!r}")


@check("service prints the port of http and the name of port 80")
def _():
    run(*sock("service", "http", "tcp")).expect(0, out=b"80\n", err=b"")
    run(*sock("service", "80")).expect(0, out=b"http\n", err=b"")
    run(*sock("service", "80", "tcp")).expect(0, out=b"http\n", err=b"")


@check("an unknown service name or port is a usage error", "ip", root=True)
def _():
    space = namespace("names", hosts="127.0.0.1 localhost\n", services="http 80/tcp\n")
    for command in (["service", "nosuchservice"], ["service", "81", "tcp"]):
        result = run(*space.inside(*sock(*command)))
        expect(result.code in (2, 6), f"{command}: exit {result.code}, errors {result.err!r}")
        expect(result.err.startswith(b"sock: "), f"errors {result.err!r}")


@check("resolve lists the addresses of a name, and localhost is this machine", "ip", root=True)
def _():
    space = namespace(
        "resolve", hosts="127.0.0.1 four\n::1 both\n127.0.0.1 both\n", services="http 80/tcp\n")
    result = run(*space.inside(*sock("resolve", "localhost"))).expect(0, err=b"")
    expect(b"127.0.0.1" in result.out and b"::1" in result.out, f"output {result.out!r}")
    result = run(*space.inside(*sock("resolve", "four"))).expect(0, err=b"")
    expect(b"127.0.0.1" in result.out and b"::1" not in result.out, f"output {result.out!r}")
    result = run(*space.inside(*sock("resolve", "both"))).expect(0, err=b"")
    expect(b"127.0.0.1" in result.out and b"::1" in result.out, f"output {result.out!r}")
    result = run(*space.inside(*sock("resolve", "no-such-host"))).expect(6, out=b"")
    expect(b"no-such-host" in result.err, f"errors {result.err!r}")


@check("the tour exits with 0 in less than ten seconds")
def _():
    result = run(*sock("tour"), limit=30).expect(0, err=b"")
    expect(result.seconds < 10, f"it took {result.seconds:.1f} s")
    expect(len(result.out.splitlines()) > 40, "it is too short to be the whole tutorial")


@check("the help fits on one screen and exits with 0")
def _():
    for command in (["--help"], ["-h"]):
        result = run(*sock(*command)).expect(0, err=b"")
        lines = result.out.decode().splitlines()
        expect(len(lines) <= 60, f"{len(lines)} lines")
        expect(max(map(len, lines)) <= 100, "a line is wider than 100 columns")
        for verb in ("connect", "listen", "info", "serve", "resolve", "service", "tour"):
            expect(verb in result.out.decode(), f"the help does not name {verb}")
