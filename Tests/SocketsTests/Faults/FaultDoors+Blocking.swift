import Glibc
import SystemPackage

@testable import Sockets

// The doors of the blocking half. The numbers are those of the calls' manual pages that Linux can
// give for such a use, EBADF and EFAULT excepted, which stop the program: see `FaultTrapTests`.
extension FaultDoor {
    static let blocking: [FaultDoor] = opening + connecting + moving + asking + looking

    /// What any transfer may be told, and outlives.
    static let passing: [Int32] = [EINTR, EAGAIN]
    static let receiveErrors = [
        ECONNREFUSED, ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENOTCONN, ENOMEM, EINVAL, ENOTSOCK,
        EOPNOTSUPP,
    ]
    static let sendErrors = [
        EACCES, EPERM, ECONNREFUSED, ECONNRESET, EPIPE, EDESTADDRREQ, EISCONN, EMSGSIZE, ENOBUFS,
        ENOMEM, ENOTCONN, ENOTSOCK, EOPNOTSUPP, EINVAL, EHOSTUNREACH, ENETUNREACH, ENETDOWN,
        ETIMEDOUT,
    ]
    /// Of accept(2), about the new connection and not about the listening socket.
    static let callerErrors = [
        ECONNABORTED, EPROTO, ENOPROTOOPT, ENETDOWN, EHOSTDOWN, ENONET, EHOSTUNREACH, ENETUNREACH,
    ]
    static let shortages = [EMFILE, ENFILE, ENOBUFS, ENOMEM]

    private static func during(
        _ faults: FaultInjection, _ body: () throws -> Void
    ) throws {
        try FaultInjection.$current.withValue(faults, operation: body)
    }

    // MARK: Sockets

    private static let opening = [
        FaultDoor(
            name: "Socket", call: .socket,
            codes: [
                (
                    .fails(.createSocket),
                    [
                        EACCES, EAFNOSUPPORT, EINVAL, EMFILE, ENFILE, ENOBUFS, ENOMEM,
                        EPROTONOSUPPORT,
                    ]
                )
            ]
        ) { faults in try during(faults) { _ = try Socket(.ipv4, .stream) } },
        FaultDoor(
            name: "Socket.pair", call: .socketpair,
            codes: [
                (
                    .fails(.createSocket),
                    [EAFNOSUPPORT, EMFILE, ENFILE, ENOMEM, EOPNOTSUPP, EPROTONOSUPPORT]
                )
            ]
        ) { faults in try during(faults) { _ = try Socket.pair() } },
        FaultDoor(
            name: "Socket.bind", call: .bind,
            codes: [
                (
                    .fails(.bind),
                    [
                        EACCES, EADDRINUSE, EADDRNOTAVAIL, EINVAL, ENOTSOCK, ENOMEM, ELOOP,
                        ENAMETOOLONG, ENOENT, ENOTDIR, EROFS,
                    ]
                )
            ]
        ) { faults in
            let socket = try Socket(.ipv4, .stream)
            try during(faults) { try socket.bind(on: Loopback.ipv4) }
        },
        FaultDoor(
            name: "Socket.bind", call: .getsockname,
            codes: [(.fails(.bind), [EINVAL, ENOBUFS, ENOTSOCK])]
        ) { faults in
            let socket = try Socket(.ipv4, .stream)
            try during(faults) { try socket.bind(on: Loopback.ipv4) }
        },
        FaultDoor(
            name: "Socket.listen", call: .listen,
            codes: [(.fails(.listen), [EADDRINUSE, ENOTSOCK, EOPNOTSUPP])]
        ) { faults in
            let socket = try Socket(.ipv4, .stream)
            try socket.bind(on: Loopback.ipv4)
            try during(faults) { try socket.listen() }
        },
        FaultDoor(
            name: "Socket(on:)", call: .lstat, before: [.bind: [.error(.addressInUse)]],
            codes: [
                (
                    .failsOtherwise(.bind, .addressInUse),
                    [EACCES, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR, EOVERFLOW]
                )
            ]
        ) { faults in
            try during(faults) { _ = try Socket(on: .unix(Loopback.unixPath())) }
        },
        FaultDoor(
            name: "Socket.close of a Unix listener", call: .unlink,
            codes: [
                (
                    .survives,
                    [EACCES, EBUSY, EIO, EISDIR, ELOOP, ENOENT, ENOMEM, ENOTDIR, EPERM, EROFS]
                )
            ]
        ) { faults in
            let path = Loopback.unixPath()
            let listener = try Socket(on: .unix(path))
            try during(faults) { listener.close() }
            unlink(path)
        },
        FaultDoor(
            name: "Socket.close", call: .close, codes: [(.survives, [EINTR, EIO, ENOSPC, EDQUOT])]
        ) { faults in
            let socket = try Socket(.ipv4, .stream)
            let number = socket.descriptor
            try during(faults) { socket.close() }
            // Linux has let go of it in all these cases; the fault kept the kernel from doing so.
            close(number)
        },
        FaultDoor(
            name: "Socket.duplicate", call: .dup, codes: [(.fails(.duplicate), [EMFILE, EINVAL])]
        ) { faults in
            let socket = try Socket(.ipv4, .stream)
            try during(faults) { _ = try socket.duplicate() }
        },
        adopting(.getsockopt, [ENOPROTOOPT, ENOTSOCK, EINVAL, EBADF]),
        adopting(.fcntl, [EPERM, EINVAL, EBADF]),
        adopting(.getsockname, [ENOBUFS, ENOTSOCK, EBADF]),
    ]

    private static func adopting(_ call: SystemCall, _ codes: [Int32]) -> FaultDoor {
        FaultDoor(name: "Socket(adopting:)", call: call, codes: [(.fails(.adopt), codes)]) {
            faults in
            let foreign = try RawSockets.make(.ipv4, .stream)
            try during(faults) {
                _ = try Socket(adopting: FileDescriptor(rawValue: foreign.number))
            }
        }
    }

    // MARK: Connections

    private static let connecting = [
        FaultDoor(
            name: "Socket.accept", call: .accept,
            codes: [
                (.survives, passing + callerErrors),
                (
                    .fails(.accept),
                    shortages + [EINVAL, ENOTSOCK, EOPNOTSUPP, EPERM, EPROTONOSUPPORT]
                ),
            ]
        ) { faults in
            let listener = try Socket(on: Loopback.ipv4)
            let caller = try Socket(to: listener.localAddress)
            try during(faults) { _ = try listener.accept(timeout: .seconds(20)) }
            caller.close()
        },
        FaultDoor(
            name: "Socket.accept", call: .getsockname,
            codes: [(.fails(.accept), [ENOBUFS, EINVAL, ENOTSOCK])]
        ) { faults in
            let listener = try Socket(on: Loopback.ipv4)
            let caller = try Socket(to: listener.localAddress)
            try during(faults) { _ = try listener.accept(timeout: .seconds(20)) }
            caller.close()
        },
        FaultDoor(
            name: "Socket.connect", call: .connect,
            codes: [
                (.survives, [EINTR, EAGAIN, EINPROGRESS]),
                (
                    .fails(.connect),
                    [
                        EACCES, EPERM, EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EALREADY,
                        ECONNREFUSED, EISCONN, ENETUNREACH, EHOSTUNREACH, ENOTSOCK, EPROTOTYPE,
                        ETIMEDOUT,
                    ]
                ),
            ]
        ) { faults in
            let listener = try Socket(on: Loopback.ipv4)
            let socket = try Socket(.ipv4, .stream)
            try during(faults) {
                try socket.connect(to: listener.localAddress, timeout: .seconds(20))
            }
        },
        FaultDoor(
            name: "Socket.connect of a Unix socket", call: .connect,
            codes: [
                (.survives, [EINTR, EAGAIN]),
                (.fails(.connect), [EACCES, ECONNREFUSED, ENOENT, EPROTOTYPE, ENOTSOCK]),
            ]
        ) { faults in
            let listener = try Socket(on: .unix(Loopback.unixPath()))
            let socket = try Socket(.unix, .stream)
            try during(faults) {
                try socket.connect(to: listener.localAddress, timeout: .seconds(20))
            }
        },
        FaultDoor(
            name: "Socket(to:)", call: .connect,
            codes: [
                (.survives, [EINTR, EAGAIN, EINPROGRESS]),
                (
                    .fails(.connect),
                    [EACCES, EPERM, EADDRNOTAVAIL, ECONNREFUSED, ENETUNREACH, ETIMEDOUT]
                ),
            ]
        ) { faults in
            let listener = try Socket(on: Loopback.ipv4)
            try during(faults) {
                _ = try Socket(to: listener.localAddress, timeout: .seconds(20))
            }
        },
        connected(.socket, [EACCES, EMFILE, ENFILE, ENOBUFS, ENOMEM]),
        connected(.fcntl, [EPERM]),
        connected(.getsockname, [ENOBUFS]),
        FaultDoor(
            name: "Socket(to:)", call: .poll, before: [.connect: [.error(.nowInProgress)]],
            codes: [(.survives, [EINTR]), (.fails(.connect), [EINVAL, ENOMEM])]
        ) { faults in
            let listener = try Socket(on: Loopback.ipv4)
            try during(faults) {
                _ = try Socket(to: listener.localAddress, timeout: .seconds(20))
            }
        },
        FaultDoor(
            name: "Socket.shutdown", call: .shutdown,
            codes: [(.fails(.shutdown), [ENOTCONN, EINVAL, ENOTSOCK])]
        ) { faults in
            let (one, _) = try Socket.pair()
            try during(faults) { try one.shutdown(.write) }
        },
    ]

    private static func connected(_ call: SystemCall, _ codes: [Int32]) -> FaultDoor {
        FaultDoor(name: "Socket(to:)", call: call, codes: [(.fails(.connect), codes)]) {
            faults in
            let listener = try Socket(on: Loopback.ipv4)
            try during(faults) {
                _ = try Socket(to: listener.localAddress, timeout: .seconds(20))
            }
        }
    }

    // MARK: Bytes

    private static let moving = [
        FaultDoor(
            name: "Socket.receive", call: .recv,
            codes: [(.survives, passing), (.fails(.receive), receiveErrors)]
        ) { faults in
            let (one, other) = try Socket.pair()
            try other.send("x")
            try during(faults) { _ = try one.receive(timeout: .seconds(20)) }
        },
        FaultDoor(
            name: "Socket.receive that has to wait", call: .poll,
            before: [.recv: [.error(.wouldBlock)]],
            codes: [(.survives, [EINTR]), (.fails(.receive), [EINVAL, ENOMEM])]
        ) { faults in
            let (one, other) = try Socket.pair()
            try other.send("x")
            try during(faults) { _ = try one.receive(timeout: .seconds(20)) }
        },
        FaultDoor(
            name: "Socket.receive with a limit", call: .setsockopt,
            codes: [(.survives, [EDOM, EINVAL, ENOPROTOOPT, ENOTSOCK, ENOMEM])]
        ) { faults in
            let (one, other) = try Socket.pair()
            try other.send("x")
            try during(faults) { _ = try one.receive(timeout: .seconds(20)) }
        },
        FaultDoor(
            name: "Socket.receiveFrom", call: .recvfrom,
            codes: [(.survives, passing), (.fails(.receive), receiveErrors)]
        ) { faults in
            let (one, other) = (try Loopback.udp(), try Loopback.udp())
            try other.send("x", to: one.localAddress)
            try during(faults) { _ = try one.receiveFrom(timeout: .seconds(20)) }
        },
        FaultDoor(
            name: "Socket.send", call: .send,
            codes: [(.survives, passing), (.fails(.send), sendErrors)]
        ) { faults in
            let (one, other) = try Socket.pair()
            try during(faults) { _ = try one.send("x", timeout: .seconds(20)) }
            other.close()
        },
        FaultDoor(
            name: "Socket.sendAll(parts:)", call: .sendmsg,
            codes: [(.survives, passing), (.fails(.send), sendErrors)]
        ) { faults in
            let (one, other) = try Socket.pair()
            try during(faults) { try one.sendAll(parts: [[1], [2]], timeout: .seconds(20)) }
            other.close()
        },
        FaultDoor(
            name: "Socket.send(to:)", call: .sendto,
            codes: [(.survives, passing), (.fails(.send), sendErrors)]
        ) { faults in
            let (one, other) = (try Loopback.udp(), try Loopback.udp())
            try during(faults) {
                _ = try other.send("x", to: one.localAddress, timeout: .seconds(20))
            }
        },
        FaultDoor(
            name: "SocketStream.readLine", call: .recv,
            codes: [(.survives, passing), (.fails(.read), receiveErrors)]
        ) { faults in
            let (one, other) = try Socket.pair()
            try other.send("x\n")
            let stream = SocketStream(one)
            try during(faults) { _ = try stream.readLine(timeout: .seconds(20)) }
        },
        FaultDoor(
            name: "SocketStream.flush", call: .send,
            codes: [(.survives, passing), (.fails(.write), sendErrors)]
        ) { faults in
            let (one, other) = try Socket.pair()
            let stream = SocketStream(one)
            try stream.write("x")
            try during(faults) { try stream.flush(timeout: .seconds(20)) }
            other.close()
        },
        FaultDoor(
            name: "Socket.exchange", call: .recv,
            codes: [
                (.survives, passing),
                (.fails(.exchange), [ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENOMEM]),
            ]
        ) { faults in
            let (one, other) = try Socket.pair()
            try other.send("x\n")
            try during(faults) {
                _ = try one.exchange("who?\n", reading: .line, timeout: .seconds(20))
            }
        },
        FaultDoor(
            // The reply that had come before the peer went is returned.
            name: "Socket.exchange with a peer that has answered", call: .send,
            codes: [(.survives, passing + [EPIPE, ECONNRESET, ETIMEDOUT])]
        ) { faults in
            let (one, other) = try Socket.pair()
            try other.send("x\n")
            try during(faults) {
                _ = try one.exchange("who?\n", reading: .line, timeout: .seconds(20))
            }
        },
    ]

    // MARK: Questions

    private static let asking = [
        FaultDoor(
            name: "Socket.option", call: .getsockopt,
            codes: [(.fails(.getOption), [EINVAL, ENOPROTOOPT, ENOTSOCK, ENOMEM])]
        ) { faults in
            let socket = try Socket(.ipv4, .stream)
            try during(faults) { _ = try socket.option(.noDelay) }
        },
        FaultDoor(
            name: "Socket.setOption", call: .setsockopt,
            codes: [
                (
                    .fails(.setOption),
                    [EINVAL, ENOPROTOOPT, ENOTSOCK, EACCES, EPERM, EDOM, ENOMEM, ENOBUFS, EISCONN]
                )
            ]
        ) { faults in
            let socket = try Socket(.ipv4, .stream)
            try during(faults) { try socket.setOption(.noDelay, to: true) }
        },
        diagnosing(.ioctl, [EINVAL, ENOTTY]),
        diagnosing(.getsockopt, passing: 1, [EINVAL, ENOPROTOOPT]),
        diagnosing(.poll, [EINTR, EINVAL, ENOMEM]),
        FaultDoor(
            name: "Resolver.hostName", call: .gethostname,
            codes: [
                (.survives, [EINTR, ENAMETOOLONG]), (.fails(.getHostName), [EINVAL, EPERM]),
            ]
        ) { faults in try during(faults) { _ = try Resolver.hostName() } },
    ]

    /// A figure that the kernel does not give is nil.
    private static func diagnosing(
        _ call: SystemCall, passing: Int = 0, _ codes: [Int32]
    ) -> FaultDoor {
        FaultDoor(
            name: "Socket.diagnose", call: call, passing: passing, codes: [(.survives, codes)]
        ) { faults in
            let (client, _) = try Loopback.tcpPair()
            try during(faults) { _ = try client.diagnose() }
        }
    }
}
