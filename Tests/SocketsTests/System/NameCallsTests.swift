import Glibc
import SystemPackage
import Testing

@testable import Sockets

@Suite("NameCalls", .ownThread)
struct NameCallsTests {
    @Test("getaddrinfo returns a numeric address once")
    func numericAddress() throws {
        let info = try System.getaddrinfo("192.0.2.7", numericOnly: true, canonicalName: true)
        #expect(info.addresses.map(\.content) == [.ipv4(bits: 0xC000_0207, port: 0)])
        #expect(info.canonicalName == "192.0.2.7")
    }

    @Test("a getaddrinfo failure has the code and the message of the C library")
    func failures() throws {
        let failure = try #require(throws: AddressInfoFailure.self) {
            try System.getaddrinfo("localhost", numericOnly: true)
        }
        #expect(failure.code == EAI_NONAME)
        #expect(failure.message == "Name or service not known")
        #expect(failure.isNotFound && !failure.isTemporary)
        #expect(failure.errno == nil)
    }

    @Test("getaddrinfo reports a numeric address of the other family as not found")
    func wrongFamily() throws {
        let failure = try #require(throws: AddressInfoFailure.self) {
            try System.getaddrinfo("127.0.0.1", family: .ipv6, numericOnly: true)
        }
        #expect(failure.isNotFound)
        #expect(failure.code != EAI_NONAME)
    }

    @Test("an EAI_SYSTEM failure has the errno of the call, or EIO if errno is 0")
    func systemFailures() {
        errno = EMFILE
        #expect(AddressInfoFailure(code: EAI_SYSTEM).errno == .tooManyOpenFiles)
        errno = 0
        #expect(AddressInfoFailure(code: EAI_SYSTEM).errno == .ioError)
        #expect(AddressInfoFailure(code: EAI_AGAIN).errno == nil)
        #expect(AddressInfoFailure(code: EAI_AGAIN).isTemporary)
    }

    @Test("getnameinfo returns numeric text for numericHost and numericService")
    func nameInDigits() throws {
        var options = NameInfoOptions()
        options.numericHost = true
        options.numericService = true
        let address = RawSocketAddress(.ipv6(high: 0, low: 1, port: 80, scope: 0))
        let name = try System.getnameinfo(address, options)
        #expect(name.host == "::1")
        #expect(name.service == "80")
    }

    @Test("getnameinfo returns a host name by default")
    func nameOfAddress() throws {
        let address = RawSocketAddress(.ipv4(bits: 0x7F00_0001, port: 80))
        let options = NameInfoOptions()
        #expect(try System.getnameinfo(address, options).host == "localhost")
        // Few ports have different names for UDP.
        #expect(!options.datagram)
    }

    @Test("gethostname and uname return the same name")
    func hostName() throws {
        #expect(try System.gethostname() == CLibrary.hostName())
    }

    @Test("gethostname throws the errno of the call")
    func hostNameFailure() throws {
        let code = #expect(throws: Errno.self) {
            try FaultInjection.during([.gethostname: [.error(.ioError)]]) {
                try System.gethostname()
            }
        }
        #expect(code == .ioError)
    }
}
