import Glibc
import SystemPackage

@testable import Sockets

// The points of the blocking operations. The codes are those of the manual pages that Linux can return
// for such a use of the call. EBADF and EFAULT are missing, because they end the program: see
// `FaultTrapTests`.
extension FaultPoint {
    static let blocking: [FaultPoint] =
        opening + connecting + optionsOfNewSockets + transferring + querying + examining
        + blockingProxies + blockingJoins + blockingFiles + blockingEnds

    /// The points of TLS, which need OpenSSL.
    static let tls = [watchingFiles]

    /// Without the version of a file, a watched identity uses what it has read.
    private static let watchingFiles = FaultPoint(
        name: "TLSIdentity.watching", call: .fstatat,
        codes: [(.survives, [EACCES, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR, EOVERFLOW])]
    ) { faults in
        let files = try IdentityFiles("server")
        defer { files.remove() }
        try FaultInjection.$current.withValue(faults) {
            let identity = try TLSIdentity.watching(
                certificateFile: files.certificate, keyFile: files.key)
            _ = identity.certificate
        }
    }

    /// The errors that every transfer survives.
    static let transient: [Int32] = [EINTR, EAGAIN]
    static let receiveErrors = [
        ECONNREFUSED, ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENOTCONN, ENOMEM, EINVAL, ENOTSOCK,
        EOPNOTSUPP,
    ]
    static let sendErrors = [
        EACCES, EPERM, ECONNREFUSED, ECONNRESET, EPIPE, EDESTADDRREQ, EISCONN, EMSGSIZE, ENOBUFS,
        ENOMEM, ENOTCONN, ENOTSOCK, EOPNOTSUPP, EINVAL, EHOSTUNREACH, ENETUNREACH, ENETDOWN,
        ETIMEDOUT,
    ]
    /// The errors of accept(2) that concern the new connection and not the listening socket.
    static let clientErrors = [
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
        FaultPoint(
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
        FaultPoint(
            name: "Socket.pair", call: .socketpair,
            codes: [
                (
                    .fails(.createSocket),
                    [EAFNOSUPPORT, EMFILE, ENFILE, ENOMEM, EOPNOTSUPP, EPROTONOSUPPORT]
                )
            ]
        ) { faults in try during(faults) { _ = try Socket.pair() } },
        FaultPoint(
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
        FaultPoint(
            name: "Socket.bind", call: .getsockname,
            codes: [(.fails(.bind), [EINVAL, ENOBUFS, ENOTSOCK])]
        ) { faults in
            let socket = try Socket(.ipv4, .stream)
            try during(faults) { try socket.bind(on: Loopback.ipv4) }
        },
        FaultPoint(
            name: "Socket.receivePacket", call: .recvmsg,
            codes: [
                // The packets that arrived before a reset are received.
                (.survives, transient + [ECONNRESET]),
                (.fails(.receive), [ENOMEM, ENOTCONN, EINVAL, ENOTSOCK]),
            ]
        ) { faults in
            let (one, other) = try Socket.pair(.sequencedPacket)
            try other.send("x")
            try during(faults) {
                let packet = try one.receivePacket(timeout: .seconds(20))
                precondition(packet?.text == "x")
            }
        },
        FaultPoint(
            name: "Socket.bind on a name that the kernel chooses", call: .bind,
            codes: [(.fails(.bind), [EINVAL, ENOMEM, ENOSPC])]
        ) { faults in
            let socket = try Socket(.unix, .datagram)
            try during(faults) { try socket.bind(on: .unnamed) }
        },
        FaultPoint(
            name: "Socket.listen", call: .listen,
            codes: [(.fails(.listen), [EADDRINUSE, ENOTSOCK, EOPNOTSUPP])]
        ) { faults in
            let socket = try Socket(.ipv4, .stream)
            try socket.bind(on: Loopback.ipv4)
            try during(faults) { try socket.listen() }
        },
        FaultPoint(
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
        FaultPoint(
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
        FaultPoint(
            name: "Socket.close", call: .close, codes: [(.survives, [EINTR, EIO, ENOSPC, EDQUOT])]
        ) { faults in
            let socket = try Socket(.ipv4, .stream)
            let number = socket.descriptor
            try during(faults) { socket.close() }
            // Linux releases the descriptor in all these cases, but the fault prevented the call.
            close(number)
        },
        FaultPoint(
            name: "Socket.duplicate", call: .dup, codes: [(.fails(.duplicate), [EMFILE, EINVAL])]
        ) { faults in
            let socket = try Socket(.ipv4, .stream)
            try during(faults) { _ = try socket.duplicate() }
        },
        releasing(.setsockopt, [EDOM, ENOPROTOOPT, ENOTSOCK, ENOMEM]),
        // The descriptor is closed, because its mode is unknown.
        releasing(.fcntl, [EPERM, EINVAL]),
        adopting(.getsockopt, [ENOPROTOOPT, ENOTSOCK, EINVAL, EBADF]),
        adopting(.fcntl, [EPERM, EINVAL, EBADF]),
        adopting(.getsockname, [ENOBUFS, ENOTSOCK, EBADF]),
    ]

    private static func releasing(_ call: SystemCall, _ codes: [Int32]) -> FaultPoint {
        FaultPoint(name: "Socket.release", call: call, codes: [(.fails(.release), codes)]) {
            faults in
            let socket = try Socket(on: Loopback.ipv4)
            try during(faults) { try socket.release().close() }
        }
    }

    private static func adopting(_ call: SystemCall, _ codes: [Int32]) -> FaultPoint {
        FaultPoint(name: "Socket(adopting:)", call: call, codes: [(.fails(.adopt), codes)]) {
            faults in
            let foreign = try RawSockets.make(.ipv4, .stream)
            try during(faults) {
                _ = try Socket(adopting: FileDescriptor(rawValue: foreign.number))
            }
        }
    }

    // MARK: Connections

    private static let connecting = [
        FaultPoint(
            name: "Socket.accept", call: .accept,
            codes: [
                (.survives, transient + clientErrors),
                (
                    .fails(.accept),
                    shortages + [EINVAL, ENOTSOCK, EOPNOTSUPP, EPERM, EPROTONOSUPPORT]
                ),
            ]
        ) { faults in
            let listener = try Socket(on: Loopback.ipv4)
            let client = try Socket(to: listener.localAddress)
            try during(faults) { _ = try listener.accept(timeout: .seconds(20)) }
            client.close()
        },
        FaultPoint(
            name: "Socket.accept", call: .getsockname,
            codes: [(.fails(.accept), [ENOBUFS, EINVAL, ENOTSOCK])]
        ) { faults in
            let listener = try Socket(on: Loopback.ipv4)
            let client = try Socket(to: listener.localAddress)
            try during(faults) { _ = try listener.accept(timeout: .seconds(20)) }
            client.close()
        },
        FaultPoint(
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
        FaultPoint(
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
        FaultPoint(
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
        opened(.socket, [EACCES]),
        opened(.socket, shortages, as: .createSocket),
        opened(.fcntl, [EPERM]),
        opened(.getsockname, [ENOBUFS]),
        FaultPoint(
            name: "Socket(to:)", call: .poll, before: [.connect: [.error(.nowInProgress)]],
            codes: [(.survives, [EINTR]), (.fails(.connect), [EINVAL, ENOMEM])]
        ) { faults in
            let listener = try Socket(on: Loopback.ipv4)
            try during(faults) {
                _ = try Socket(to: listener.localAddress, timeout: .seconds(20))
            }
        },
        FaultPoint(
            name: "Socket.shutdown", call: .shutdown,
            codes: [(.fails(.shutdown), [ENOTCONN, EINVAL, ENOTSOCK])]
        ) { faults in
            let (one, _) = try Socket.pair()
            try during(faults) { try one.shutdown(.write) }
        },
    ]

    private static func opened(
        _ call: SystemCall, _ codes: [Int32], as operation: SocketError.Operation = .connect
    ) -> FaultPoint {
        FaultPoint(name: "Socket(to:)", call: call, codes: [(.fails(operation), codes)]) {
            faults in
            let listener = try Socket(on: Loopback.ipv4)
            try during(faults) {
                _ = try Socket(to: listener.localAddress, timeout: .seconds(20))
            }
        }
    }

    // MARK: Options of new sockets

    /// The errors of setsockopt(2) for an option of a new socket.
    static let optionErrors = [EINVAL, ENOPROTOOPT, EPERM, ENOMEM, ENOBUFS, EOPNOTSUPP]

    /// Three settings that each make one system call on an IPv4 socket.
    static let settings: [SocketOptionSetting] = [
        .userTimeout(.seconds(5)), .trafficClass(.af41), .timeToLive(9),
    ]

    private static let optionsOfNewSockets: [FaultPoint] =
        (0..<3).flatMap { skipped in
            [
                FaultPoint(
                    name: "Socket(to:) with option \(skipped)", call: .setsockopt,
                    skipping: skipped, codes: [(.fails(.setOption), optionErrors)]
                ) { faults in
                    try during(faults) {
                        _ = try Socket(
                            to: .ipv4(.loopback, port: 9),
                            options: .init(socketOptions: settings))
                    }
                },
                FaultPoint(
                    // The first call sets `SO_REUSEADDR`.
                    name: "Socket(on:) with option \(skipped)", call: .setsockopt,
                    skipping: 1 + skipped, codes: [(.fails(.setOption), optionErrors)]
                ) { faults in
                    try during(faults) {
                        _ = try Socket(
                            on: Loopback.ipv4, options: .init(socketOptions: settings))
                    }
                },
            ]
        } + [
            labelled(.setsockopt, [EINVAL, EPERM, ENOBUFS, ENOMEM, ERANGE]),
            labelled(.setsockopt, skipping: 1, [ENOPROTOOPT, ENOMEM]),
            FaultPoint(
                name: "Socket(to:) with multipathTCP", call: .socket,
                codes: [
                    (.fails(.setOption), [EPROTONOSUPPORT, ENOPROTOOPT]),
                    (.fails(.createSocket), shortages),
                    // Other addresses of the peer may have another family.
                    (.fails(.connect), [EAFNOSUPPORT]),
                ]
            ) { faults in
                try during(faults) {
                    _ = try Socket(
                        to: .ipv4(.loopback, port: 9),
                        options: .init(socketOptions: [.multipathTCP]))
                }
            },
        ]

    /// A datagram socket with a flow label, whose lease and use are one system call each.
    private static func labelled(
        _ call: SystemCall, skipping: Int = 0, _ codes: [Int32]
    ) -> FaultPoint {
        FaultPoint(
            name: "Socket(to:) with flowLabel", call: call, skipping: skipping,
            codes: [(.fails(.setOption), codes)]
        ) { faults in
            try during(faults) {
                _ = try Socket(
                    to: .ipv6(.loopback, port: 9), type: .datagram,
                    options: .init(socketOptions: [.flowLabel(5)]))
            }
        }
    }

    // MARK: Bytes

    private static let transferring = [
        FaultPoint(
            name: "Socket.receive", call: .recv,
            codes: [(.survives, transient), (.fails(.receive), receiveErrors)]
        ) { faults in
            let (one, other) = try Socket.pair()
            try other.send("x")
            try during(faults) { _ = try one.receive(timeout: .seconds(20)) }
        },
        FaultPoint(
            name: "Socket.receive that must wait", call: .poll,
            before: [.recv: [.error(.wouldBlock)]],
            codes: [(.survives, [EINTR]), (.fails(.receive), [EINVAL, ENOMEM])]
        ) { faults in
            let (one, other) = try Socket.pair()
            try other.send("x")
            try during(faults) { _ = try one.receive(timeout: .seconds(20)) }
        },
        FaultPoint(
            name: "Socket.receive with a limit", call: .setsockopt,
            codes: [(.survives, [EDOM, EINVAL, ENOPROTOOPT, ENOTSOCK, ENOMEM])]
        ) { faults in
            let (one, other) = try Socket.pair()
            try other.send("x")
            try during(faults) { _ = try one.receive(timeout: .seconds(20)) }
        },
        FaultPoint(
            name: "Socket.receiveFrom", call: .recvmsg,
            codes: [(.survives, transient), (.fails(.receive), receiveErrors)]
        ) { faults in
            let (one, other) = (try Loopback.udp(), try Loopback.udp())
            try other.send("x", to: one.localAddress)
            try during(faults) { _ = try one.receiveFrom(timeout: .seconds(20)) }
        },
        FaultPoint(
            name: "Socket.receiveFrom of a Unix socket", call: .recvfrom,
            codes: [(.survives, transient), (.fails(.receive), receiveErrors)]
        ) { faults in
            let (one, other) = try Socket.pair(.datagram)
            try other.send("x")
            try during(faults) { _ = try one.receiveFrom(timeout: .seconds(20)) }
        },
        FaultPoint(
            name: "Socket.send", call: .send,
            codes: [(.survives, transient), (.fails(.send), sendErrors)]
        ) { faults in
            let (one, other) = try Socket.pair()
            try during(faults) { _ = try one.send("x", timeout: .seconds(20)) }
            other.close()
        },
        FaultPoint(
            name: "Socket.sendAll(parts:)", call: .sendmsg,
            codes: [(.survives, transient), (.fails(.send), sendErrors)]
        ) { faults in
            let (one, other) = try Socket.pair()
            try during(faults) { try one.sendAll(parts: [[1], [2]], timeout: .seconds(20)) }
            other.close()
        },
        FaultPoint(
            name: "Socket.send(_:descriptors:)", call: .sendmsg,
            codes: [
                (.survives, transient),
                (.fails(.send), sendErrors + [EBADF, ETOOMANYREFS]),
            ]
        ) { faults in
            let (one, other) = try Socket.pair()
            try during(faults) {
                _ = try one.send("x", descriptors: [.standardInput], timeout: .seconds(20))
            }
            other.close()
        },
        FaultPoint(
            name: "Socket.send(_:to:descriptors:)", call: .sendmsg,
            codes: [
                (.survives, transient), (.fails(.send), sendErrors + [EBADF, ETOOMANYREFS]),
            ]
        ) { faults in
            let peer = try Socket(on: .unixDatagram("@" + Loopback.unixPath()))
            let socket = try Socket(.unix, .datagram)
            try during(faults) {
                _ = try socket.send(
                    "x", to: peer.localAddress, descriptors: [.standardInput],
                    timeout: .seconds(20))
            }
        },
        FaultPoint(
            name: "Socket.receive(descriptorsAtMost:)", call: .recvmsg,
            codes: [(.survives, transient), (.fails(.receive), receiveErrors)]
        ) { faults in
            let (one, other) = try Socket.pair()
            try other.send("x", descriptors: [.standardInput])
            try during(faults) {
                let message = try one.receive(descriptorsAtMost: 1, timeout: .seconds(20))
                precondition(message.descriptorCount == 1)
            }
        },
        FaultPoint(
            name: "Socket.send(to:)", call: .sendto,
            codes: [(.survives, transient), (.fails(.send), sendErrors)]
        ) { faults in
            let (one, other) = (try Loopback.udp(), try Loopback.udp())
            try during(faults) {
                _ = try other.send("x", to: one.localAddress, timeout: .seconds(20))
            }
        },
        FaultPoint(
            name: "SocketStream.readLine", call: .recv,
            codes: [(.survives, transient), (.fails(.read), receiveErrors)]
        ) { faults in
            let (one, other) = try Socket.pair()
            try other.send("x\n")
            let stream = SocketStream(one)
            try during(faults) { _ = try stream.readLine(timeout: .seconds(20)) }
        },
        FaultPoint(
            name: "SocketStream.flush", call: .send,
            codes: [(.survives, transient), (.fails(.write), sendErrors)]
        ) { faults in
            let (one, other) = try Socket.pair()
            let stream = SocketStream(one)
            try stream.write("x")
            try during(faults) { try stream.flush(timeout: .seconds(20)) }
            other.close()
        },
        FaultPoint(
            name: "Socket.exchange", call: .recv,
            codes: [
                (.survives, transient),
                (.fails(.exchange), [ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENOMEM]),
            ]
        ) { faults in
            let (one, other) = try Socket.pair()
            try other.send("x\n")
            try during(faults) {
                _ = try one.exchange("who?\n", reading: .line, timeout: .seconds(20))
            }
        },
        FaultPoint(
            // `exchange` returns a reply that arrived before the peer closed.
            name: "Socket.exchange after the peer has answered", call: .send,
            codes: [(.survives, transient + [EPIPE, ECONNRESET, ETIMEDOUT])]
        ) { faults in
            let (one, other) = try Socket.pair()
            try other.send("x\n")
            try during(faults) {
                _ = try one.exchange("who?\n", reading: .line, timeout: .seconds(20))
            }
        },
    ]

    // MARK: Queries

    private static let querying = [
        FaultPoint(
            name: "Socket.option", call: .getsockopt,
            codes: [(.fails(.getOption), [EINVAL, ENOPROTOOPT, ENOTSOCK, ENOMEM])]
        ) { faults in
            let socket = try Socket(.ipv4, .stream)
            try during(faults) { _ = try socket.option(.noDelay) }
        },
        FaultPoint(
            name: "Socket.option(.multipathTCP)", call: .getsockopt,
            codes: [
                (.survives, [ENOPROTOOPT, EOPNOTSUPP]),
                (.fails(.getOption), [EINVAL, ENOTSOCK, ENOMEM]),
            ]
        ) { faults in
            let socket = try Socket(.ipv4, .stream)
            try during(faults) { _ = try socket.option(.multipathTCP) }
        },
        FaultPoint(
            name: "Socket.option(.flowLabel)", call: .getsockopt,
            codes: [(.survives, [ENOENT]), (.fails(.getOption), [EINVAL, ENOPROTOOPT, ENOMEM])]
        ) { faults in
            let socket = try Socket(.ipv6, .stream)
            try during(faults) { _ = try socket.option(.flowLabel) }
        },
        FaultPoint(
            name: "Socket.option(.originalDestination)", call: .getsockopt,
            codes: [(.survives, [ENOENT]), (.fails(.getOption), [EINVAL, ENOPROTOOPT, ENOMEM])]
        ) { faults in
            let socket = try Socket(.ipv4, .stream)
            try during(faults) { _ = try socket.option(.originalDestination) }
        },
        FaultPoint(
            name: "Socket.setOption(.boundInterface)", call: .setsockopt,
            codes: [(.fails(.setOption), [ENODEV, EPERM, EINVAL])]
        ) { faults in
            let socket = try Socket(.ipv4, .stream)
            try during(faults) { try socket.setOption(.boundInterface, to: "lo") }
        },
        FaultPoint(
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
        FaultPoint(
            name: "Socket.corked", call: .setsockopt,
            codes: [(.fails(.setOption), [EINVAL, ENOPROTOOPT, ENOMEM])]
        ) { faults in
            let (client, server) = try Loopback.tcpPair()
            try during(faults) { try client.corked {} }
            server.close()
        },
        FaultPoint(
            name: "Socket.peerCredentials", call: .getsockopt,
            codes: [(.fails(.getOption), [EINVAL, ENOPROTOOPT, ENOTSOCK, ENOMEM])]
        ) { faults in
            let (one, _) = try Socket.pair()
            try during(faults) { _ = try one.peerCredentials }
        },
        FaultPoint(
            name: "Socket.peerCredentials of a process with many groups", call: .getsockopt,
            skipping: 1, codes: [(.survives, [ERANGE]), (.fails(.getOption), [ENODATA, ENOMEM])]
        ) { faults in
            let (one, _) = try Socket.pair()
            try during(faults) { _ = try one.peerCredentials }
        },
        FaultPoint(
            name: "Socket.peerProcess", call: .getsockopt,
            codes: [
                (.fails(.getOption), [EMFILE, ENFILE, ENODATA, ENOPROTOOPT, ESRCH]),
                (.failsOtherwise(.getOption, .noSuchProcess), [EINVAL]),
            ]
        ) { faults in
            let (one, _) = try Socket.pair()
            try during(faults) { try one.peerProcess().close() }
        },
        diagnosing(.ioctl, [EINVAL, ENOTTY]),
        diagnosing(.getsockopt, skipping: 1, [EINVAL, ENOPROTOOPT]),
        diagnosing(.poll, [EINTR, EINVAL, ENOMEM]),
        FaultPoint(
            name: "Resolver.hostName", call: .gethostname,
            codes: [
                (.survives, [EINTR, ENAMETOOLONG]), (.fails(.getHostName), [EINVAL, EPERM]),
            ]
        ) { faults in try during(faults) { _ = try Resolver.hostName() } },
        FaultPoint(
            name: "NetworkInterface.all", call: .getifaddrs,
            codes: [
                (.survives, [EINTR]),
                (.fails(.listInterfaces), [EACCES, EMFILE, ENFILE, ENOBUFS, ENOMEM]),
            ]
        ) { faults in try during(faults) { _ = try NetworkInterface.all } },
        FaultPoint(
            name: "NetworkInterface.all", call: .socket,
            codes: [
                (
                    .fails(.listInterfaces),
                    [EACCES, EAFNOSUPPORT, EMFILE, ENFILE, ENOBUFS, ENOMEM]
                )
            ]
        ) { faults in try during(faults) { _ = try NetworkInterface.all } },
        FaultPoint(
            name: "NetworkInterface.all", call: .ioctl,
            codes: [(.survives, [EINTR, ENODEV]), (.fails(.listInterfaces), [ENOTTY, EPERM])]
        ) { faults in try during(faults) { _ = try NetworkInterface.all } },
    ]

    /// A value that the kernel does not report is nil.
    private static func diagnosing(
        _ call: SystemCall, skipping: Int = 0, _ codes: [Int32]
    ) -> FaultPoint {
        FaultPoint(
            name: "Socket.diagnose", call: call, skipping: skipping, codes: [(.survives, codes)]
        ) { faults in
            let (client, _) = try Loopback.tcpPair()
            try during(faults) { _ = try client.diagnose() }
        }
    }
}
