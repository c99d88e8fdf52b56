import Glibc

@testable import Sockets

// The points of Unix datagram channels.
extension FaultPoint {
    static let unixDatagrams = [
        opening(.socketpair, [EAFNOSUPPORT, EMFILE, ENFILE, ENOMEM]),
        opening(.epoll_ctl, [ENOMEM, ENOSPC, EPERM]),
        FaultPoint(
            name: "DatagramChannel.receive(descriptorsAtMost:)", call: .recvmsg,
            codes: [
                (.survives, [EINTR]),
                (.fails(.receive), [ECONNREFUSED, ENOMEM, EINVAL, ENOTSOCK]),
            ]
        ) { faults in
            let (one, other) = try DatagramChannel.pair()
            try await other.send("x", descriptors: [.standardInput])
            try await during(faults) {
                let message = try await one.receive(
                    descriptorsAtMost: 1, timeout: .seconds(20))
                precondition(message.descriptorCount == 1)
            }
        },
        FaultPoint(
            name: "DatagramChannel.send(_:descriptors:)", call: .sendmsg,
            codes: [
                (.survives, [EINTR, EAGAIN]),
                (.fails(.send), sendErrors + [EBADF, ETOOMANYREFS]),
            ]
        ) { faults in
            let (one, other) = try DatagramChannel.pair()
            try await during(faults) {
                try await one.send("x", descriptors: [.standardInput], timeout: .seconds(20))
            }
            other.close()
        },
        FaultPoint(
            name: "DatagramChannel.send(_:to:descriptors:)", call: .sendmsg,
            codes: [
                // The errors that a peer can cause make the call return false.
                (.survives, [EINTR, EAGAIN, EACCES, ECONNREFUSED, ENOENT, EPERM, EPIPE]),
                (.fails(.send), [EBADF, EMSGSIZE, ENOBUFS, ENOMEM, ETOOMANYREFS]),
            ]
        ) { faults in
            let peer = try Socket(on: .unixDatagram("@" + Loopback.unixPath()))
            let channel = try DatagramChannel(
                adopting: Socket(on: .unixDatagram("@" + Loopback.unixPath())))
            try await during(faults) {
                try await channel.send(
                    "x", to: peer.localAddress, descriptors: [.standardInput],
                    timeout: .seconds(20))
            }
        },
        FaultPoint(
            name: "DatagramChannel.shutdown", call: .shutdown,
            codes: [(.fails(.shutdown), [ENOTCONN, EINVAL])]
        ) { faults in
            let (one, _) = try DatagramChannel.pair()
            try await during(faults) { try one.shutdown(.write) }
        },
    ]

    private static func during(
        _ faults: FaultInjection, _ body: () async throws -> Void
    ) async throws {
        try await FaultInjection.$current.withValue(faults, operation: body)
    }

    private static func opening(_ call: SystemCall, _ codes: [Int32]) -> FaultPoint {
        FaultPoint(
            name: "DatagramChannel.pair", call: call, codes: [(.fails(.createSocket), codes)]
        ) { faults in try await during(faults) { _ = try DatagramChannel.pair() } }
    }
}
