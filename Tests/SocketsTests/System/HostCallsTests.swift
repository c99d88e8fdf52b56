import Glibc
import SystemPackage
import Testing

@testable import Sockets

@Suite("HostCalls", .ownThread)
struct HostCallsTests {
    @Test("gethostbyname2_r returns the bytes of an address in network order")
    func numericAddress() throws {
        let entry = try System.gethostbyname2_r("192.0.2.7", family: .ipv4)
        #expect(entry.name == "192.0.2.7")
        #expect(entry.addresses == [[192, 0, 2, 7]])
    }

    @Test("each h_errno code is converted to a distinct failure")
    func codes() {
        let failures = [HOST_NOT_FOUND, TRY_AGAIN, NO_RECOVERY, NO_DATA].map {
            HostCallFailure(hostErrno: $0, errno: EAGAIN)
        }
        #expect(failures == [.hostNotFound, .tryAgain, .noRecovery, .noData])
    }

    @Test("NETDB_INTERNAL is converted to the errno, or to EIO if errno is 0")
    func systemFailures() {
        let failure = HostCallFailure(hostErrno: NETDB_INTERNAL, errno: EMFILE)
        #expect(failure == .system(.tooManyOpenFiles))
        #expect(HostCallFailure(hostErrno: NETDB_INTERNAL, errno: 0) == .system(.ioError))
    }

    @Test("strings(inList:) returns an empty array for a null list")
    func noList() {
        #expect(strings(inList: nil) == [])
    }

    @Test("strings(inList:) copies all entries before the null pointer")
    func wholeList() {
        let names: [String] = ["one", "two", "three"]
        var list: [UnsafeMutablePointer<CChar>?] = names.map { name in strdup(name) }
        defer { for text in list { free(text) } }
        list += [nil, nil]
        let copied = list.withUnsafeMutableBufferPointer { strings(inList: $0.baseAddress) }
        #expect(copied == ["one", "two", "three"])
    }
}
