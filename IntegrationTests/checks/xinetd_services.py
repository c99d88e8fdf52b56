"""Our client against xinetd's five services, over TCP and UDP, and the information client."""
import re
import struct
import time

from support import check, expect, expect_within, namespace, run, sock, start, start_xinetd, xinetd

DAYTIME = rb"\d\d [A-Z]{3} \d{4} \d\d:\d\d:\d\d( [A-Z]+)?\r?\n"
SECONDS_FROM_1900_TO_1970 = 2_208_988_800


def is_now(answer):
    expect(len(answer) == 4, f"expected 4 bytes of time, got {answer!r}")
    seconds = struct.unpack("!I", answer)[0] - SECONDS_FROM_1900_TO_1970
    expect(abs(seconds - time.time()) < 10, f"the time is {seconds}, expected {time.time():.0f}")


@check("sock prints the reply of xinetd's daytime service", "xinetd")
def _():
    run(*sock("127.0.0.1", xinetd("daytime"))).expect(0, out_matches=DAYTIME, err=b"")


@check("sock -u prints the reply of xinetd's daytime service", "xinetd")
def _():
    result = run(*sock("-u", "127.0.0.1", xinetd("daytime")), stdin=b"\n")
    result.expect(0, out_matches=DAYTIME, err=b"")


@check("sock prints the reply of xinetd's time service", "xinetd")
def _():
    is_now(run(*sock("127.0.0.1", xinetd("time"))).expect(0, err=b"").out)


@check("sock -u prints the reply of xinetd's time service", "xinetd")
def _():
    is_now(run(*sock("-u", "127.0.0.1", xinetd("time")), stdin=b"\n").expect(0, err=b"").out)


@check("sock prints the echo of xinetd", "xinetd")
def _():
    text = bytes(range(256)) * 4096
    run(*sock("127.0.0.1", xinetd("echo")), stdin=text).expect(0, out=text, err=b"")


@check("sock -u prints the echo of xinetd", "xinetd")
def _():
    run(*sock("-u", "127.0.0.1", xinetd("echo")), stdin=b"hello").expect(0, out=b"hello", err=b"")


@check("sock sends its input to xinetd's discard service", "xinetd")
def _():
    run(*sock("127.0.0.1", xinetd("discard")), stdin=b"x" * 1_000_000).expect(0, out=b"", err=b"")


@check("sock -u exits with 28 after 1 s if xinetd's discard service sends no reply", "xinetd")
def _():
    result = run(*sock("-u", "127.0.0.1", xinetd("discard")), stdin=b"hello").expect(28, out=b"")
    expect(0.8 < result.seconds < 5, f"took {result.seconds:.1f} s, expected about 1")


@check("sock -u --send-only does not wait for a reply of xinetd's discard service", "xinetd")
def _():
    command = sock("-u", "--send-only", "127.0.0.1", xinetd("discard"))
    expect_within(0.8, lambda: run(*command, stdin=b"hello").expect(0, out=b"", err=b"").seconds)


@check("sock prints the stream of xinetd's chargen service until the output pipe closes", "xinetd")
def _():
    command = f'"$0" 127.0.0.1 {xinetd("chargen")} </dev/null | head -n 100; exit ${{PIPESTATUS[0]}}'
    result = run("bash", "-c", command, *sock())
    result.expect(128 + 13, err=b"")  # SIGPIPE, as `cat` ends
    lines = result.out.split(b"\r\n")
    expect(len(lines) == 101, f"expected 100 lines, got {len(lines) - 1}")
    expect(all(len(line) == 72 for line in lines[:100]), "a line has not 72 characters")
    expect(lines[0][1:] == lines[1][:-1], "the second line is not the first one turned by one")


@check("sock -u prints the reply of xinetd's chargen service", "xinetd")
def _():
    result = run(*sock("-u", "127.0.0.1", xinetd("chargen")), stdin=b"\n").expect(0, err=b"")
    expect(len(result.out) > 0, "expected some characters")


@check("sock prints each line of xinetd's echo while the connection is open", "xinetd")
def _():
    client = start(*sock("127.0.0.1", xinetd("echo")))
    for line in (b"one\n", b"two\n", b"three\n"):
        client.send(line).wait_for(re.escape(line))
    client.end_input().result().expect(0, out=b"one\ntwo\nthree\n", err=b"")


# The information client, in a namespace with its own host names and services


def information_namespace():
    """Returns a namespace: `four` is 127.0.0.1, `both` is ::1 (without a listener) and 127.0.0.1."""
    first = not hasattr(information_namespace, "ready")
    space = namespace(
        "info",
        hosts="127.0.0.1 localhost four\n::1 both\n127.0.0.1 both\n",
        services="daytime 13/tcp\ndaytime 13/udp\nhttp 80/tcp www\n",
    )
    if first:
        ports = {"echo": 7, "discard": 9, "daytime": 13, "chargen": 19, "time": 37}
        start_xinetd(ports, prefix=space.inside(), name="xinetd-info")
        ports = {name: 10000 + port for name, port in ports.items()}
        start_xinetd(ports, prefix=space.inside(), name="xinetd-info-high")
        information_namespace.ready = True
    return space


def masked(text):
    text = re.sub(rb"\(\d+(\.\d+)? m?s\)", b"(T)", text)
    return re.sub(rb"(Connected from \('[0-9.:]+', )\d+\)", rb"\1PORT)", text)


@check("info prints each step for a numeric port", "xinetd", "ip", root=True)
def _():
    space = information_namespace()
    result = run(*space.inside(*sock("info", "four", "10013"))).expect(0)
    expect(
        masked(result.out + result.err)
        == b"Creating socket...                          done\n"
        b"Connecting to 127.0.0.1 on port 10013...    done (T)\n"
        b"Connected from ('127.0.0.1', PORT)\n"
        b"Connected to   ('127.0.0.1', 10013)\n",
        f"got\n{(result.out + result.err).decode()}",
    )


@check("info prints the lookup of a service name and the refusal by ::1", "xinetd", "ip", root=True)
def _():
    space = information_namespace()
    result = run(*space.inside(*sock("info", "both", "daytime"))).expect(0)
    expect(
        masked(result.out + result.err)
        == b"Creating socket...                          done\n"
        b"Looking up port number (getservbyname)...   daytime/tcp = 13\n"
        b"Connecting to ::1 on port 13...             refused (T)\n"
        b"Connecting to 127.0.0.1 on port 13...       done (T)\n"
        b"Connected from ('127.0.0.1', PORT)\n"
        b"Connected to   ('127.0.0.1', 13)\n",
        f"got\n{(result.out + result.err).decode()}",
    )


@check("sock accepts a service name as the port", "xinetd", "ip", root=True)
def _():
    space = information_namespace()
    run(*space.inside(*sock("localhost", "daytime"))).expect(0, out_matches=DAYTIME, err=b"")


@check("sock connects to 127.0.0.1 after ::1 has refused", "xinetd", "ip", root=True)
def _():
    space = information_namespace()
    run(*space.inside(*sock("both", "13"))).expect(0, out_matches=DAYTIME, err=b"")


@check("sock -u accepts a service name as the port", "xinetd", "ip", root=True)
def _():
    space = information_namespace()
    result = run(*space.inside(*sock("-u", "localhost", "daytime")), stdin=b"\n")
    result.expect(0, out_matches=DAYTIME, err=b"")
