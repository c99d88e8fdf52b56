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

    @Test("getaddrinfo reports a numeric address as not found if its family was not requested")
    func wrongFamily() throws {
        let failure = try #require(throws: AddressInfoFailure.self) {
            try System.getaddrinfo("127.0.0.1", family: .ipv6, numericOnly: true)
        }
        #expect(failure.isNotFound)
        #expect(failure.code != EAI_NONAME)
    }

    @Test("an EAI_SYSTEM failure has the errno of the call, or EIO if errno is 0")
    func systemFailures() {
        #expect(AddressInfoFailure(code: EAI_SYSTEM, errno: ENOMEM).errno == .noMemory)
        #expect(AddressInfoFailure(code: EAI_SYSTEM, errno: 0).errno == .ioError)
        #expect(AddressInfoFailure(code: EAI_AGAIN, errno: ECONNREFUSED).errno == nil)
        #expect(AddressInfoFailure(code: EAI_AGAIN, errno: 0).isTemporary)
    }

    @Test("a lookup reports a shortage of descriptors, whatever its result code is")
    func shortages() {
        for code in [EAI_SYSTEM, EAI_AGAIN, EAI_NONAME] {
            #expect(AddressInfoFailure(code: code, errno: EMFILE).errno == .tooManyOpenFiles)
        }
    }

    @Test(
        "inet_aton reads numbers of one to four parts",
        arguments: [
            ("127.1", true), ("0x7f000001", true), ("017", true), ("1.2.65535", true),
            ("4294967295", true), ("4294967296", false), ("123456789012", false),
            ("redis.1", false), ("256.1.1.1", false), ("1.2.3.4.5", false), ("08", false),
        ])
    func inetAton(text: String, isAddress: Bool) {
        #expect(System.inet_aton(text) == isAddress)
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
