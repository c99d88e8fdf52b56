import Glibc
import SystemPackage
import Testing

@testable import Sockets

@Suite("HostCalls", .ownThread)
struct HostCallsTests {
    @Test("gethostbyname2_r gives the bytes of an address in network order")
    func numericAddress() throws {
        let entry = try System.gethostbyname2_r("192.0.2.7", domain: .ipv4)
        #expect(entry.name == "192.0.2.7")
        #expect(entry.addresses == [[192, 0, 2, 7]])
    }

    @Test("every code of h_errno is a failure of its own")
    func codes() {
        let failures = [HOST_NOT_FOUND, TRY_AGAIN, NO_RECOVERY, NO_DATA].map {
            HostCallFailure(hostErrno: $0, errno: EAGAIN)
        }
        #expect(failures == [.hostNotFound, .tryAgain, .noRecovery, .noData])
    }

    @Test("behind an internal failure stands the error number, never zero")
    func systemFailures() {
        let failure = HostCallFailure(hostErrno: NETDB_INTERNAL, errno: EMFILE)
        #expect(failure == .system(.tooManyOpenFiles))
        #expect(HostCallFailure(hostErrno: NETDB_INTERNAL, errno: 0) == .system(.ioError))
    }

    @Test("no list is an empty list")
    func noList() {
        #expect(strings(inList: nil) == [])
    }

    @Test("a list is copied entry by entry, up to its end")
    func wholeList() {
        let names: [String] = ["one", "two", "three"]
        var list: [UnsafeMutablePointer<CChar>?] = names.map { name in strdup(name) }
        defer { for text in list { free(text) } }
        list += [nil, nil]
        let copied = list.withUnsafeMutableBufferPointer { strings(inList: $0.baseAddress) }
        #expect(copied == ["one", "two", "three"])
    }
}
