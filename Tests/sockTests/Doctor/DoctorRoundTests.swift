import SocketDoctor
import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct DoctorRoundTests {
    @Test("a list that the kernel does not give is said")
    func gaps() {
        #expect(
            DoctorRound.text(of: .list(.unix, .noSuchFileOrDirectory))
                == "cannot look at Unix sockets: no such file or directory")
        #expect(DoctorRound.text(of: .changing(.tcp4)).contains("TCP (IPv4)"))
    }

    @Test("what may not be seen is said, and who may")
    func hidden() {
        #expect(
            DoctorRound.text(ofHidden: (3, 1), isRoot: false) == [
                "the owners of 3 sockets are hidden from this user; root sees more",
                "what 1 program waits for is hidden from this user; root sees more",
            ])
        #expect(
            DoctorRound.text(ofHidden: (1, 2), isRoot: true) == [
                "the owner of 1 socket is hidden even from root",
                "what 2 programs wait for is hidden even from root",
            ])
        #expect(DoctorRound.text(ofHidden: (0, 0), isRoot: false).isEmpty)
    }

    @Test("a port that nobody has is a failure, and nothing is answered")
    func missing() throws {
        let question = try DoctorQuestion(words: ["1"], process: nil, program: nil)
        #expect(throws: Failure.self) {
            try DoctorRound(question, showsAll: false, isJSON: false).make()
        }
    }
}
