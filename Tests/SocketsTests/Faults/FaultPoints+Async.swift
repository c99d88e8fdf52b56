import Glibc
import SystemPackage

@testable import Sockets

// The points of the async operations.
extension FaultPoint {
    static let asynchronous: [FaultPoint] =
        loops + connections + listeners + packets + datagrams + unixDatagrams
        + optionsOfNewSockets + asyncProxies + asyncJoins + asyncEnds + streams + readiness

    private static func during(
        _ faults: FaultInjection, _ body: () async throws -> Void
    ) async throws {
        try await FaultInjection.$current.withValue(faults, operation: body)
    }

    // MARK: Loops

    private static let loops = [
        startingLoop(.epoll_create1, [EINVAL, EMFILE, ENFILE, ENOMEM]),
        startingLoop(.eventfd, [EINVAL, EMFILE, ENFILE, ENODEV, ENOMEM]),
        startingLoop(.epoll_ctl, [ENOMEM, ENOSPC, EPERM]),
        FaultPoint(name: "Poller.wait", call: .epoll_wait, codes: [(.survives, [EINTR])]) {
            faults in
            let poller = try Poller.make()
            try await during(faults) {
                poller.wait(nanoseconds: nil, woken: {}, changed: { _, _ in })
            }
        },
        FaultPoint(name: "Poller.wake", call: .write, codes: [(.survives, [EINTR])]) { faults in
            let poller = try Poller.make()
            var hasWoken = false
            try await during(faults) { poller.wake() }
            poller.wait(nanoseconds: nil, woken: { hasWoken = true }, changed: { _, _ in })
            precondition(hasWoken)
        },
    ]

    private static func startingLoop(_ call: SystemCall, _ codes: [Int32]) -> FaultPoint {
        FaultPoint(name: "LoopGroup", call: call, codes: [(.fails(.startEventLoop), codes)]) {
            faults in try await during(faults) { _ = try LoopGroup(loops: 1) }
        }
    }

    // MARK: Connections

    private static let connections = [
        FaultPoint(
            name: "Connection.read", call: .recv,
            codes: [(.survives, [EINTR]), (.fails(.read), receiveErrors)]
        ) { faults in
            let (one, other) = try Connection.pair()
            try await other.write("x")
            try await during(faults) { _ = try await one.read(timeout: .seconds(20)) }
        },
        FaultPoint(
            // EAGAIN is always followed by an event that ends the wait. Here the peer causes it.
            name: "Connection.read that must wait", call: .recv, codes: [(.survives, [EAGAIN])]
        ) { faults in
            let (one, other) = try Connection.pair()
            try await during(faults) {
                async let bytes = one.read(timeout: .seconds(20))
                while faults.remaining(of: .recv) > 0 { await Task.yield() }
                try await FaultInjection.$current.withValue(nil) { try await other.write("x") }
                _ = try await bytes
            }
        },
        FaultPoint(
            name: "Connection.readLine", call: .recv,
            codes: [(.survives, [EINTR]), (.fails(.read), receiveErrors)]
        ) { faults in
            let (one, other) = try Connection.pair()
            try await other.write("x\n")
            try await during(faults) { _ = try await one.readLine(timeout: .seconds(20)) }
        },
        FaultPoint(
            name: "Connection.write", call: .send,
            codes: [(.survives, [EINTR]), (.fails(.write), sendErrors)]
        ) { faults in
            let (one, other) = try Connection.pair()
            try await during(faults) { try await one.write("x", timeout: .seconds(20)) }
            other.close()
        },
        FaultPoint(
            name: "Connection.write(parts:)", call: .sendmsg,
            codes: [(.survives, [EINTR]), (.fails(.write), sendErrors)]
        ) { faults in
            let (one, other) = try Connection.pair()
            try await during(faults) {
                try await one.write(parts: [[1], [2]], timeout: .seconds(20))
            }
            other.close()
        },
        FaultPoint(
            name: "BufferedWriter.flush", call: .send,
            codes: [(.survives, [EINTR]), (.fails(.write), sendErrors)]
        ) { faults in
            let (one, other) = try Connection.pair()
            let writer = BufferedWriter(one)
            try await writer.write("x")
            try await during(faults) { try await writer.flush(timeout: .seconds(20)) }
            other.close()
        },
        FaultPoint(
            name: "Connection.corked", call: .setsockopt,
            codes: [(.fails(.setOption), [EINVAL, ENOPROTOOPT, ENOMEM])]
        ) { faults in
            let (client, server) = try Loopback.tcpPair()
            let one = try Connection(adopting: client)
            try await during(faults) { try await one.corked {} }
            server.close()
        },
        FaultPoint(
            name: "Connection.sendFile with a header", call: .pread,
            codes: [
                (.survives, [EINTR]),
                (.fails(.sendFile), [EBADF, EINVAL, EIO, EISDIR, ENXIO, EOVERFLOW, ESPIPE]),
            ]
        ) { faults in
            let (one, other) = try Connection.pair()
            let file = try FileDescriptor.open("/proc/self/status", .readOnly)
            defer { try? file.close() }
            try await during(faults) {
                _ = try await one.sendFile(file, header: [1], timeout: .seconds(20))
            }
            other.close()
        },
        FaultPoint(
            name: "Connection.sendFile", call: .sendfile,
            codes: [
                // The call then reads the file and sends the bytes.
                (.survives, [EINTR, EINVAL, EIO, EOVERFLOW, ESPIPE, EBADF]),
                (.fails(.write), [ENOMEM, EPIPE, ECONNRESET]),
            ]
        ) { faults in
            let (one, other) = try Connection.pair()
            let path = Loopback.unixPath() + "-file"
            let file = try FileDescriptor.open(
                FilePath(path), .readWrite, options: .create, permissions: .ownerReadWrite)
            defer { try? file.close() }
            unlink(path)
            try file.writeAll([1, 2, 3])
            try await during(faults) {
                _ = try await one.sendFile(file, timeout: .seconds(20))
            }
            other.close()
        },
        FaultPoint(
            name: "Connection.sendFile of a file that sendfile refuses", call: .pread,
            codes: [
                (.survives, [EINTR]),
                (.fails(.sendFile), [EBADF, EINVAL, EIO, EISDIR, ENXIO, EOVERFLOW, ESPIPE]),
            ]
        ) { faults in
            let (one, other) = try Connection.pair()
            let file = try FileDescriptor.open("/proc/self/status", .readOnly)
            defer { try? file.close() }
            try await during(faults) {
                _ = try await one.sendFile(file, timeout: .seconds(20))
            }
            other.close()
        },
        FaultPoint(
            name: "Connection.exchange", call: .recv,
            codes: [
                (.survives, [EINTR]),
                (.fails(.exchange), [ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENOMEM]),
            ]
        ) { faults in
            let (one, other) = try Connection.pair()
            try await other.write("x\n")
            try await during(faults) {
                _ = try await one.exchange("who?\n", reading: .line, timeout: .seconds(20))
            }
        },
        FaultPoint(
            name: "Connection.exchange after the peer has answered", call: .send,
            codes: [(.survives, [EINTR, EPIPE, ECONNRESET, ETIMEDOUT])]
        ) { faults in
            let (one, other) = try Connection.pair()
            try await other.write("x\n")
            try await during(faults) {
                _ = try await one.exchange("who?\n", reading: .line, timeout: .seconds(20))
            }
        },
        FaultPoint(
            name: "Connection.shutdown", call: .shutdown,
            codes: [(.fails(.shutdown), [ENOTCONN, EINVAL])]
        ) { faults in
            let (one, _) = try Connection.pair()
            try await during(faults) { try one.shutdown(.write) }
        },
        FaultPoint(
            name: "Connection.send(_:descriptors:)", call: .sendmsg,
            codes: [
                (.survives, [EINTR]), (.fails(.write), sendErrors + [EBADF, ETOOMANYREFS]),
            ]
        ) { faults in
            let (one, other) = try Connection.pair()
            try await during(faults) {
                try await one.send("x", descriptors: [.standardInput], timeout: .seconds(20))
            }
            other.close()
        },
        FaultPoint(
            name: "Connection.receive(descriptorsAtMost:)", call: .recvmsg,
            codes: [(.survives, [EINTR]), (.fails(.read), receiveErrors)]
        ) { faults in
            let (one, other) = try Connection.pair()
            try await other.send("x", descriptors: [.standardInput])
            try await during(faults) {
                let message = try await one.receive(
                    descriptorsAtMost: 1, timeout: .seconds(20))
                precondition(message.descriptorCount == 1)
            }
        },
        FaultPoint(
            name: "Connection.duplicate", call: .dup,
            codes: [(.fails(.duplicate), [EMFILE, EINVAL])]
        ) { faults in
            let (one, _) = try Connection.pair()
            try await during(faults) { _ = try one.duplicate() }
        },
        FaultPoint(
            name: "Connection.duplicate", call: .epoll_ctl,
            codes: [(.fails(.duplicate), [ENOMEM, ENOSPC])]
        ) { faults in
            let (one, _) = try Connection.pair()
            try await during(faults) { _ = try one.duplicate() }
        },
        FaultPoint(
            // The descriptor is closed, because its mode is unknown.
            name: "Connection.release", call: .fcntl, codes: [(.fails(.release), [EPERM, EINVAL])]
        ) { faults in
            let (one, _) = try Connection.pair()
            try await during(faults) { try one.release().close() }
        },
        FaultPoint(
            name: "Connection(adopting:)", call: .epoll_ctl,
            codes: [(.fails(.adopt), [ENOMEM, ENOSPC, EEXIST, EPERM])]
        ) { faults in
            let (one, _) = try Socket.pair()
            try await during(faults) { _ = try Connection(adopting: one) }
        },
        FaultPoint(
            name: "Connection(adopting:)", call: .getpeername,
            codes: [(.fails(.adopt), [ENOTCONN, ENOBUFS, EINVAL])]
        ) { faults in
            let (one, _) = try Socket.pair()
            try await during(faults) { _ = try Connection(adopting: one) }
        },
        connecting(
            .connect,
            [EACCES, EPERM, EADDRINUSE, EADDRNOTAVAIL, ECONNREFUSED, ENETUNREACH, ETIMEDOUT],
            survives: [EINTR, EAGAIN, EINPROGRESS]),
        connecting(.socket, [EACCES]),
        connecting(.socket, shortages, as: .createSocket),
        connecting(.getsockname, [ENOBUFS]),
        connecting(.setsockopt, [ENOMEM, EINVAL], as: .setOption),
        connecting(
            .epoll_ctl, before: [.connect: [.error(.nowInProgress)]], [ENOMEM, ENOSPC]),
    ]

    private static func connecting(
        _ call: SystemCall, before: Script = [:], _ codes: [Int32], survives: [Int32] = [],
        as operation: SocketError.Operation = .connect
    ) -> FaultPoint {
        FaultPoint(
            name: "Connection(to:)", call: call, before: before,
            codes: [(.survives, survives), (.fails(operation), codes)]
        ) { faults in
            let listener = try Socket(on: Loopback.ipv4)
            try await during(faults) {
                _ = try await Connection(to: listener.localAddress, timeout: .seconds(20))
            }
        }
    }

    // MARK: Listeners

    private static let listeners = [
        FaultPoint(
            name: "Listener.accept", call: .accept,
            codes: [
                (.survives, [EINTR] + clientErrors),
                (.fails(.accept), shortages + [EINVAL, ENOTSOCK, EOPNOTSUPP, EPERM]),
            ]
        ) { faults in
            let listener = try Listener(on: Loopback.ipv4)
            let client = try Socket(to: listener.localAddress)
            try await during(faults) { _ = try await listener.accept(timeout: .seconds(20)) }
            client.close()
        },
        FaultPoint(
            name: "Listener.accept", call: .epoll_ctl,
            codes: [(.fails(.accept), [ENOMEM, ENOSPC])]
        ) { faults in
            let listener = try Listener(on: Loopback.ipv4)
            let client = try Socket(to: listener.localAddress)
            try await during(faults) { _ = try await listener.accept(timeout: .seconds(20)) }
            client.close()
        },
        FaultPoint(
            name: "Listener.accept of a shared socket", call: .fcntl,
            codes: [(.fails(.accept), [EPERM, EINVAL])]
        ) { faults in
            let listener = try Listener(on: Loopback.ipv4)
            let copy = try listener.duplicate()
            let client = try Socket(to: listener.localAddress)
            try await during(faults) { _ = try await copy.accept(timeout: .seconds(20)) }
            client.close()
        },
        FaultPoint(
            name: "Listener.duplicate", call: .dup,
            codes: [(.fails(.duplicate), [EMFILE, EINVAL])]
        ) { faults in
            let listener = try Listener(on: Loopback.ipv4)
            try await during(faults) { _ = try listener.duplicate() }
        },
        FaultPoint(
            name: "for await in Listener", call: .accept,
            codes: [
                // A firewall rule that forbids a client (EPERM) need not forbid the next client.
                (.survives, [EINTR, EPERM] + clientErrors + shortages),
                (.fails(.accept), [EINVAL, ENOTSOCK, EOPNOTSUPP]),
            ]
        ) { faults in
            let listener = try Listener(on: Loopback.ipv4)
            let client = try Socket(to: listener.localAddress)
            try await during(faults) {
                var clients = listener.makeAsyncIterator()
                _ = try await clients.next()
            }
            client.close()
        },
        FaultPoint(
            name: "for await in Listener", call: .epoll_ctl, codes: [(.survives, [ENOMEM, ENOSPC])]
        ) { faults in
            // A connection that cannot be registered is closed, and the next client is served.
            let listener = try Listener(on: Loopback.ipv4)
            let clients = try (0..<2).map { _ in
                try Socket(to: listener.localAddress)
            }
            try await during(faults) {
                var accepted = listener.makeAsyncIterator()
                _ = try await accepted.next()
            }
            for client in clients { client.close() }
        },
        FaultPoint(
            name: "Listener(on:)", call: .epoll_ctl,
            codes: [(.fails(.adopt), [ENOMEM, ENOSPC, EPERM])]
        ) { faults in
            try await during(faults) { _ = try Listener(on: Loopback.ipv4) }
        },
        FaultPoint(
            name: "Listener(on:)", call: .listen, codes: [(.fails(.listen), [EADDRINUSE])]
        ) { faults in
            try await during(faults) { _ = try Listener(on: Loopback.ipv4) }
        },
    ]

    // MARK: Datagrams

    private static let datagrams = [
        receiving(.recvmmsg) {
            let channel = try DatagramChannel(on: Loopback.ipv4)
            try Loopback.udp().send("x", to: channel.localAddress)
            return channel
        },
        receiving(.recvfrom) {
            // A name in the abstract namespace leaves no file behind.
            let name = Endpoint.unixDatagram("@sockets-\(UInt64.random(in: .min ... .max))")
            let socket = try Socket(on: name)
            try Socket(.unix, .datagram).send("x", to: socket.localAddress)
            return try DatagramChannel(adopting: socket)
        },
        FaultPoint(
            name: "DatagramChannel.send(to:)", call: .sendto,
            codes: [
                (.survives, [EINTR, EAGAIN, EHOSTUNREACH, ENETUNREACH, ENETDOWN, EPERM, EACCES]),
                (.fails(.send), [ECONNREFUSED, EMSGSIZE, ENOBUFS, ENOMEM, EPIPE]),
            ]
        ) { faults in
            let channel = try DatagramChannel(on: Loopback.ipv4)
            let peer = try Loopback.udp()
            try await during(faults) {
                _ = try await channel.send([1], to: peer.localAddress, timeout: .seconds(20))
            }
        },
        FaultPoint(
            name: "DatagramChannel.send", call: .send,
            codes: [
                (.survives, [EINTR, EAGAIN]),
                (.fails(.send), [ECONNREFUSED, EMSGSIZE, ENOBUFS, ENOMEM, EHOSTUNREACH, EACCES]),
            ]
        ) { faults in
            let peer = try Loopback.udp()
            let channel = try DatagramChannel(to: peer.localAddress)
            try await during(faults) { try await channel.send([1], timeout: .seconds(20)) }
        },
    ]

    // MARK: Options of new sockets

    private static let optionsOfNewSockets: [FaultPoint] =
        (0..<3).flatMap { skipped in
            [
                // The first call sets `TCP_NODELAY`.
                opening("Connection(to:) with option \(skipped)", skipping: 1 + skipped) {
                    _ = try await Connection(
                        to: .ipv4(.loopback, port: 9), options: .init(socketOptions: settings))
                },
                // The first two calls set `SO_REUSEADDR` and `TCP_NODELAY`.
                opening("Listener(on:) with option \(skipped)", skipping: 2 + skipped) {
                    _ = try Listener(
                        on: Loopback.ipv4, options: .init(socketOptions: settings))
                },
            ]
        }
        + (0..<2).flatMap { skipped in
            [
                // The first call sets `IP_MULTICAST_ALL`.
                opening("DatagramChannel(on:) with option \(skipped)", skipping: 1 + skipped) {
                    _ = try DatagramChannel(
                        on: Loopback.ipv4, options: .init(socketOptions: Array(settings[1...])))
                },
                opening("DatagramChannel(to:) with option \(skipped)", skipping: skipped) {
                    _ = try DatagramChannel(
                        to: .ipv4(.loopback, port: 9),
                        options: .init(socketOptions: Array(settings[1...])))
                },
            ]
        }

    private static func opening(
        _ name: String, skipping: Int, _ body: @escaping @Sendable () async throws -> Void
    ) -> FaultPoint {
        FaultPoint(
            name: name, call: .setsockopt, skipping: skipping,
            codes: [(.fails(.setOption), optionErrors)]
        ) { faults in try await during(faults, body) }
    }

    private static func receiving(
        _ call: SystemCall, on channel: @escaping @Sendable () throws -> DatagramChannel
    ) -> FaultPoint {
        FaultPoint(
            name: "DatagramChannel.receive", call: call,
            codes: [
                // Errors that the network reports about an earlier datagram are ignored.
                (
                    .survives,
                    [EINTR, ECONNREFUSED, ECONNRESET, EHOSTUNREACH, ENETUNREACH, EMSGSIZE]
                ),
                (.fails(.receive), [ENOMEM, EINVAL, ENOTSOCK]),
            ]
        ) { faults in
            let channel = try channel()
            try await during(faults) { _ = try await channel.receive(timeout: .seconds(20)) }
        }
    }
}
