import SystemPackage
import Testing

@testable import Sockets

@Suite("Readiness")
struct ReadinessTests {
    @Test("readiness contains the values of the interest that apply")
    func values() throws {
        let (one, other) = try RawSockets.pair()
        #expect(
            try System.readiness(of: one.number, [.readable, .writable]) == .writable)
        #expect(try System.readiness(of: one.number, .readable) == [])
        _ = try System.send(other.number, "x")
        #expect(
            try System.readiness(of: one.number, [.readable, .writable])
                == [.readable, .writable])
        #expect(try System.readiness(of: one.number, []) == [])
    }

    @Test("readiness contains `ending` after the peer's half-close, for any interest")
    func ending() throws {
        let (one, other) = try RawSockets.pair()
        try System.shutdown(other.number, .write)
        #expect(try System.readiness(of: one.number, []) == .ending)
        #expect(try System.readiness(of: one.number, .readable) == [.readable, .ending])
    }

    @Test("readiness of a descriptor that is not open throws EBADF")
    func notOpen() throws {
        #expect(throws: Errno.badFileDescriptor) {
            // No process has so many descriptors.
            try System.readiness(of: .max, .readable)
        }
    }
}
