import SocketDoctor
import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct DoctorQuestionTests {
    private func question(
        _ words: String..., pid: String? = nil, program: String? = nil
    ) throws -> DoctorQuestion {
        try DoctorQuestion(words: words, process: pid, program: program)
    }

    private func failure(_ question: DoctorQuestion) -> Failure? {
        do throws(Failure) {
            try question.requireSubject(in: StuckPair.examination())
            return nil
        } catch {
            return error
        }
    }

    @Test("a port is a number or a service, a process a number")
    func reads() throws {
        #expect(try question("http").port == 80)
        #expect(try question("5432", pid: "17", program: "x").process == 17)
        #expect(try question().isAll)
    }

    @Test(
        "what makes no sense is refused with the word",
        arguments: [
            (["1", "2"], nil, "'2' is too much"), (["0"], nil, "port 0"),
            (["70000"], nil, "70000"), ([], "x", "'x'"), ([], "-1", "'-1'"), ([], "+1", "'+1'"),
            ([], "0", "'0'"), ([], "99999999999", "'99999999999'"), ([], "", "''"),
        ] as [([String], String?, String)])
    func refuses(words: [String], pid: String?, part: String) {
        #expect {
            _ = try DoctorQuestion(words: words, process: pid, program: nil)
        } throws: { error in
            (error as? UsageError)?.message.contains(part) == true
        }
    }

    @Test("a service that nobody knows is no port")
    func unknownService() {
        #expect(throws: SocketError.self) { try question("no-such-service") }
    }

    @Test("a connection is found by the port of either end, its programs and their numbers")
    func finds() throws {
        let examination = StuckPair.examination()
        let ends = examination.connections[0]
        for found in [
            try question("5432"), try question("40000"), try question(pid: "4711"),
            try question(program: "server"), try question("5432", pid: "4712", program: "server"),
        ] {
            #expect(found.isAbout(ends, examination))
            #expect(found.isAbout(examination.ailments[0], examination))
        }
        for other in [
            try question("80"), try question(pid: "1"), try question(program: "serv"),
            try question("5432", pid: "4712", program: "client"),
        ] {
            #expect(!other.isAbout(ends, examination))
            #expect(!other.isAbout(examination.ailments[0], examination))
        }
    }

    @Test("what is not there ends with 3 and is named")
    func missing() throws {
        let port = failure(try question("80"))
        #expect(port?.status == .notFound)
        #expect(port?.message == "no TCP socket of this machine has port 80")
        #expect(failure(try question(pid: "9"))?.message == "there is no process 9")
        #expect(
            failure(try question(program: "a\u{7}"))?.message == "no program is called 'a\\x07'")
        #expect(
            failure(try question(pid: "4711", program: "server"))?.message
                == "process 4711 is not called 'server'")
        #expect(failure(try question("5432", pid: "4711", program: "client")) == nil)
    }

    @Test("a process whose sockets may not be seen ends with 4")
    func hidden() throws {
        var survey = StuckPair.survey()
        survey.later.processes[4712]?.descriptors = nil
        let question = try question(pid: "4712")
        do throws(Failure) {
            try question.requireSubject(in: Analysis(survey))
            Issue.record("nothing was hidden")
        } catch {
            #expect(error.status == .cannotInspect)
            #expect(error.message == "cannot see which sockets server[4712] has")
        }
    }
}
