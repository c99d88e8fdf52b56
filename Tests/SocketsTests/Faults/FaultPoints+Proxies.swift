import Glibc

@testable import Sockets

// The points of a connect through a proxy, in both halves. The reply is received twice: it is peeked
// first, and then its bytes are taken.
extension FaultPoint {
    static let blockingProxies = [
        blocking(.send, transient, sendErrors), blocking(.recv, transient, receiveErrors),
        blocking(.recv, skipping: 1, transient, receiveErrors),
    ]

    static let asyncProxies = [
        asynchronous(.send, [EINTR], sendErrors), asynchronous(.recv, [EINTR], receiveErrors),
        asynchronous(.recv, skipping: 1, [EINTR], receiveErrors),
    ]

    private static let example = ProxyCase.successes[0]

    private static func blocking(
        _ call: SystemCall, skipping: Int = 0, _ survived: [Int32], _ codes: [Int32]
    ) -> FaultPoint {
        FaultPoint(
            name: "Socket(to:) through a proxy", call: call, skipping: skipping,
            codes: [(.survives, survived), (.fails(.connect), codes)]
        ) { faults in
            let peer = try ProxyPeer.replying(example.exchanges)
            try FaultInjection.$current.withValue(faults) {
                _ = try Socket(
                    to: example.target, timeout: .seconds(20),
                    options: .init(through: example.proxy(peer.endpoint)))
            }
        }
    }

    private static func asynchronous(
        _ call: SystemCall, skipping: Int = 0, _ survived: [Int32], _ codes: [Int32]
    ) -> FaultPoint {
        FaultPoint(
            name: "Connection(to:) through a proxy", call: call, skipping: skipping,
            codes: [(.survives, survived), (.fails(.connect), codes)]
        ) { faults in
            let peer = try ProxyPeer.replying(example.exchanges)
            try await FaultInjection.$current.withValue(faults) {
                _ = try await Connection(
                    to: example.target, timeout: .seconds(20),
                    options: .init(through: example.proxy(peer.endpoint)))
            }
        }
    }
}
