"""`sock -lu` in multicast groups, over a link between two network namespaces."""
import time

from support import LIMIT, check, expect, free_port, namespace, run, sock, start

# Sends each line of its input to an address of a group and prints the first reply with its sender.
SENDER = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
sender = socket.socket(family, socket.SOCK_DGRAM)
if family == socket.AF_INET:
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("10.77.0.2"))
    address = (sys.argv[1], int(sys.argv[2]))
else:
    address = (sys.argv[1], int(sys.argv[2]), 0, socket.if_nametoindex("right"))
sender.settimeout(10)
sender.sendto(b"hello", address)
data, source = sender.recvfrom(100)
print(source[0].split("%")[0], data.decode(), flush=True)
"""


def link():
    """Two namespaces with a link between them, called `left` in the first and `right` in the second."""
    near, far = namespace("groups", hosts="239.77.1.2 group.test\n"), namespace("groups-peer")
    if "left" in run(*near.inside("ip", "-br", "link")).out.decode():
        return near, far
    near.prepare("ip", "link", "add", "left", "type", "veth", "peer", "name", "right", "netns", far.name)
    for space, name, number in ((near, "left", 1), (far, "right", 2)):
        space.prepare("ip", "address", "add", f"10.77.0.{number}/24", "dev", name)
        space.prepare("ip", "address", "add", f"fd77::{number}/64", "dev", name, "nodad")
        space.prepare("ip", "link", "set", name, "up")
    # The kernel adds the route for groups some time after a link is up.
    deadline = time.monotonic() + LIMIT
    while any(b"ff00::/8" not in run(*space.inside("ip", "-6", "route", "show", "table", "local")).out
              for space in (near, far)):
        expect(time.monotonic() < deadline, "the links have no route for groups")
        time.sleep(0.05)
    return near, far


@check("-lu joins a group on the named link, receives the group's packets and replies", "ip", root=True)
def _():
    near, far = link()
    for word, group, source in (("239.77.1.1%left", "239.77.1.1", b"10.77.0.1"),
                                ("ff02::77%left", "ff02::77", b"f[de][0-9a-f:]+"),
                                ("ff05::77%left", "ff05::77", b"fd77::1")):
        port = free_port()
        listener = start(*near.inside(*sock("-luv", word, port)))
        listener.wait_for(rb"joined the multicast group on left", stream="err")
        other = start(*near.inside(*sock("-luv", word.replace("left", "lo"), port)))
        other.wait_for(rb"joined the multicast group on lo", stream="err")
        listener.send(b"pong")
        sender = start(*far.inside("python3", "-c", SENDER, group, port))
        sender.wait_for(source + rb" pong")
        # The reply may leave before the output.
        listener.wait_for(rb"hello")
        expect(listener.out == b"hello", f"{word}: output {listener.out!r}")
        # IPv6 has no such rule for groups that are valid beyond a link: the kernel passes their packets
        # to all sockets that have joined, whatever the interface.
        if not group.startswith("ff05"):
            expect(other.out == b"", f"{word}: the listener on lo received {other.out!r}")


@check("info -u connects to a group through the named link", "ip", root=True)
def _():
    near, _ = link()
    for group, source in (("239.77.1.1%left", b"10.77.0.1"), ("ff05::77%left", b"fd77::1")):
        result = run(*near.inside(*sock("info", "-u", group, 5000))).expect(0, err=b"")
        expect(b"Connected from ('" + source + b"'" in result.out, f"{group}: {result.out!r}")


@check("-lu without an interface joins on the link that the routes select", "ip", root=True)
def _():
    near, far = link()
    near.prepare("ip", "route", "replace", "239.0.0.0/8", "dev", "left")
    for host, message in (("239.77.1.2", rb"\(joined the multicast group\)"), ("group.test", rb"Listening")):
        port = free_port()
        listener = start(*near.inside(*sock("-luv", host, port)))
        listener.wait_for(message, stream="err")
        start(*far.inside("python3", "-c", SENDER, "239.77.1.2", port))
        listener.wait_for(rb"hello")


@check("-lu refuses a group without a route and a group whose interface is missing, with advice", "ip", root=True)
def _():
    space = namespace("loopback-only")
    missing = "cannot use {}: there is no such interface"
    interfaces = "The zone after % must be an interface; ip link lists them."
    for words, status, line, advice in (
        (("239.77.1.1", "5001"), 45, "cannot join the multicast group 239.77.1.1: no route leads to it",
         "Name an interface: sock -lu 239.77.1.1%eth0 5001."),
        (("ff05::77", "5000"), 45, "cannot join the multicast group ff05::77: no route leads to it",
         "Name an interface: sock -lu ff05::77%eth0 5000."),
        (("ff02::77", "5000"), 45, "cannot bind to udp://[ff02::77]:5000: invalid argument",
         "A link-local address needs the link as its zone, such as ff02::77%eth0."),
        (("239.77.1.1%no0", "5000"), 6, missing.format("239.77.1.1%no0"), interfaces),
        (("ff02::77%no0", "5000"), 6, missing.format("ff02::77%no0"), interfaces),
    ):
        result = run(*space.inside(*sock("-lu", *words)))
        result.expect(status, out=b"", err=f"sock: {line}\n      {advice}\n".encode())
