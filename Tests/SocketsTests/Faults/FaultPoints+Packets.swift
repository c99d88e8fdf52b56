import Glibc
import SystemPackage

@testable import Sockets

// The points of packet connections, and of names that the kernel chooses.
extension FaultPoint {
    static let packets = [
        opening(.socketpair, as: .createSocket, [EAFNOSUPPORT, EMFILE, ENFILE, ENOMEM]),
        opening(.setsockopt, as: .createSocket, [ENOMEM, ENOPROTOOPT]),
        opening(.epoll_ctl, as: .createSocket, [ENOMEM, ENOSPC, EPERM]),
        connecting(.connect, [EACCES, ECONNREFUSED, EPROTOTYPE], survives: [EINTR, EAGAIN]),
        connecting(.setsockopt, [ENOMEM, ENOPROTOOPT]),
        connecting(.epoll_ctl, [ENOMEM, ENOSPC]),
        accepting(
            .accept, [EINVAL, ENOTSOCK, EOPNOTSUPP, EPERM] + shortages,
            survives: [EINTR] + clientErrors),
        accepting(.setsockopt, [ENOMEM, ENOPROTOOPT]),
        accepting(.epoll_ctl, [ENOMEM, ENOSPC]),
        FaultPoint(
            name: "PacketConnection.receive", call: .recvmsg,
            codes: [
                // The packets that arrived before a reset are received.
                (.survives, [EINTR, ECONNRESET]),
                (.fails(.receive), [ENOMEM, ENOTCONN, EINVAL, ENOTSOCK]),
            ]
        ) { faults in
            let (one, other) = try PacketConnection.pair()
            try await other.send("x")
            try await during(faults) {
                let packet = try await one.receive(timeout: .seconds(20))
                precondition(packet?.text == "x")
            }
        },
        FaultPoint(
            name: "PacketConnection.receive(descriptorsAtMost:)", call: .recvmsg,
            codes: [
                (.survives, [EINTR, ECONNRESET]),
                (.fails(.receive), [ENOMEM, ENOTCONN, EINVAL, ENOTSOCK]),
            ]
        ) { faults in
            let (one, other) = try PacketConnection.pair()
            try await other.send("x", descriptors: [.standardInput])
            try await during(faults) {
                let message = try await one.message(descriptorsAtMost: 1)
                precondition(message.descriptorCount == 1)
            }
        },
        FaultPoint(
            name: "PacketConnection.send", call: .send,
            codes: [(.survives, [EINTR]), (.fails(.send), sendErrors)]
        ) { faults in
            let (one, other) = try PacketConnection.pair()
            try await during(faults) { try await one.send("x", timeout: .seconds(20)) }
            other.close()
        },
        FaultPoint(
            name: "PacketConnection.send(_:descriptors:)", call: .sendmsg,
            codes: [(.survives, [EINTR]), (.fails(.send), sendErrors + [EBADF, ETOOMANYREFS])]
        ) { faults in
            let (one, other) = try PacketConnection.pair()
            try await during(faults) {
                try await one.send("x", descriptors: [.standardInput], timeout: .seconds(20))
            }
            other.close()
        },
        FaultPoint(
            name: "PacketConnection.shutdown", call: .shutdown,
            codes: [(.fails(.shutdown), [ENOTCONN, EINVAL])]
        ) { faults in
            let (one, _) = try PacketConnection.pair()
            try await during(faults) { try one.shutdown(.write) }
        },
        duplicating(.dup, [EMFILE, EINVAL]),
        duplicating(.setsockopt, [ENOMEM, ENOPROTOOPT]),
        duplicating(.epoll_ctl, [ENOMEM, ENOSPC]),
        FaultPoint(
            // The descriptor is closed, because its mode is unknown.
            name: "PacketConnection.release", call: .fcntl,
            codes: [(.fails(.release), [EPERM, EINVAL])]
        ) { faults in
            let (one, _) = try PacketConnection.pair()
            try await during(faults) { try one.release().close() }
        },
        adopting(.getpeername, [ENOTCONN, ENOBUFS, EINVAL]),
        adopting(.epoll_ctl, [ENOMEM, ENOSPC, EPERM]),
        FaultPoint(
            name: "DatagramChannel(to:) from a name that the kernel chooses", call: .bind,
            codes: [(.fails(.bind), [EINVAL, ENOMEM, ENOSPC])]
        ) { faults in
            let server = try Socket(on: .unixDatagram("@" + Loopback.unixPath()))
            try await during(faults) {
                _ = try DatagramChannel(
                    to: server.localAddress, options: .init(localAddress: .unnamed))
            }
        },
    ]

    private static func during(
        _ faults: FaultInjection, _ body: () async throws -> Void
    ) async throws {
        try await FaultInjection.$current.withValue(faults, operation: body)
    }

    private static func opening(
        _ call: SystemCall, as operation: SocketError.Operation, _ codes: [Int32]
    ) -> FaultPoint {
        FaultPoint(
            name: "PacketConnection.pair", call: call, codes: [(.fails(operation), codes)]
        ) { faults in try await during(faults) { _ = try PacketConnection.pair() } }
    }

    private static func connecting(
        _ call: SystemCall, _ codes: [Int32], survives: [Int32] = []
    ) -> FaultPoint {
        FaultPoint(
            name: "PacketConnection(to:)", call: call,
            codes: [(.survives, survives), (.fails(.connect), codes)]
        ) { faults in
            let listener = try Socket(on: .unixSequencedPacket("@" + Loopback.unixPath()))
            try await during(faults) {
                _ = try await PacketConnection(to: listener.localAddress, timeout: .seconds(20))
            }
        }
    }

    private static func accepting(
        _ call: SystemCall, _ codes: [Int32], survives: [Int32] = []
    ) -> FaultPoint {
        FaultPoint(
            name: "Listener.acceptPacketConnection", call: call,
            codes: [(.survives, survives), (.fails(.accept), codes)]
        ) { faults in
            let listener = try await Listener(
                on: .unixSequencedPacket("@" + Loopback.unixPath()))
            let client = try Socket(to: listener.localAddress, type: .sequencedPacket)
            try await during(faults) {
                _ = try await listener.acceptPacketConnection(timeout: .seconds(20))
            }
            client.close()
        }
    }

    private static func duplicating(_ call: SystemCall, _ codes: [Int32]) -> FaultPoint {
        FaultPoint(
            name: "PacketConnection.duplicate", call: call, codes: [(.fails(.duplicate), codes)]
        ) { faults in
            let (one, _) = try PacketConnection.pair()
            try await during(faults) { _ = try one.duplicate() }
        }
    }

    private static func adopting(_ call: SystemCall, _ codes: [Int32]) -> FaultPoint {
        FaultPoint(
            name: "PacketConnection(adopting:)", call: call, codes: [(.fails(.adopt), codes)]
        ) { faults in
            let (one, _) = try Socket.pair(.sequencedPacket)
            try await during(faults) { _ = try PacketConnection(adopting: one) }
        }
    }
}
