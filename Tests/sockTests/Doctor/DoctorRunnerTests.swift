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
                "1 socket has no visible owner; the kernel or another sandbox may hold it",
                "the system calls of 2 waiting programs are hidden even from root",
            ])
        #expect(
            DoctorRunner.text(ofHidden: (2, 0), isRoot: true) == [
                "2 sockets have no visible owner; the kernel or another sandbox may hold them"
            ])
        #expect(DoctorRunner.text(ofHidden: (0, 0), isRoot: false).isEmpty)
    }

    @Test("`possible` findings are counted separately and do not change the exit status")
    func possible() {
        func finding(_ confidence: StallReport.Confidence) -> Finding {
            Finding(.notClosed, confidence, connections: [], evidence: "", advice: "")
        }
        let (certain, likely) = (finding(.certain), finding(.likely))
        let possible = finding(.possible)
        for (findings, status, summary) in [
            ([], ExitStatus.success, "Nothing is stuck: 7 sockets examined."),
            ([possible], .success, "Found 1 possible problem in 7 sockets."),
            ([likely], .stuck, "Found 1 problem in 7 sockets."),
            (
                [certain, likely, possible, possible], .stuck,
                "Found 2 problems and 2 possible problems in 7 sockets."
            ),
        ] {
            #expect(DoctorRunner.status(of: findings) == status)
            #expect(DoctorRunner.summary(of: findings, examined: 7) == summary)
        }
    }

    @Test("a filter for a port without a socket throws a Failure")
    func missing() throws {
        let filter = try DoctorFilter(words: ["1"], process: nil, program: nil)
        #expect(throws: Failure.self) {
            try DoctorRunner(filter, showsAll: false, isJSON: false).run()
        }
    }
}
