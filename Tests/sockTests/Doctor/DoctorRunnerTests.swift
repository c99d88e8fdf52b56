import SocketDoctor
import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct DoctorRunnerTests {
    @Test("a socket list that the kernel does not provide is reported by name")
    func gaps() {
        #expect(
            DoctorRunner.text(of: .list(.unix, .noSuchFileOrDirectory))
                == "cannot list Unix sockets: no such file or directory")
        #expect(DoctorRunner.text(of: .changing(.tcp4)).contains("TCP (IPv4)"))
    }

    @Test("hidden owners and calls are counted in notices that mention root")
    func hidden() {
        #expect(
            DoctorRunner.text(ofHidden: (3, 1), isRoot: false) == [
                "the owners of 3 sockets are hidden from this user; root sees more",
                "the system call of 1 waiting program is hidden from this user; root sees more",
            ])
        #expect(
            DoctorRunner.text(ofHidden: (1, 2), isRoot: true) == [
                "the owner of 1 socket is hidden even from root",
                "the system calls of 2 waiting programs are hidden even from root",
            ])
        #expect(DoctorRunner.text(ofHidden: (0, 0), isRoot: false).isEmpty)
    }

    @Test("a filter for a port without a socket throws a Failure")
    func missing() throws {
        let filter = try DoctorFilter(words: ["1"], process: nil, program: nil)
        #expect(throws: Failure.self) {
            try DoctorRunner(filter, showsAll: false, isJSON: false).run()
        }
    }
}
