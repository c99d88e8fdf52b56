import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct DoctorRoundTests {
    @Test("what could not be seen is said, and who could")
    func gaps() {
        func text(_ gap: Survey.Gap, root: Bool = false) -> String {
            DoctorRound.text(of: gap, isRoot: root)
        }
        #expect(
            text(.owners(connections: 3))
                == "the owners of 3 sockets are hidden from this user; root sees more")
        #expect(
            text(.owners(connections: 1), root: true)
                == "the owner of 1 socket is hidden even from root")
        #expect(
            text(.calls(programs: 1))
                == "what 1 program waits for is hidden from this user; root sees more")
        #expect(
            text(.list(.unix, .noSuchFileOrDirectory))
                == "cannot look at Unix sockets: no such file or directory")
        #expect(text(.changing(.tcp4)).contains("TCP (IPv4)"))
    }

    @Test("a port that nobody has is a failure, and nothing is answered")
    func missing() throws {
        let question = try DoctorQuestion(words: ["1"], process: nil, program: nil)
        #expect(throws: Failure.self) {
            try DoctorRound(question, showsAll: false, isJSON: false).make()
        }
    }
}
