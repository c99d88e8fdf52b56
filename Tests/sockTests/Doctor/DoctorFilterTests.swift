import SocketDoctor
import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct DoctorFilterTests {
    private func filter(
        _ words: String..., pid: String? = nil, program: String? = nil
    ) throws -> DoctorFilter {
        try DoctorFilter(words: words, process: pid, program: program)
    }

    private func failure(_ filter: DoctorFilter) -> Failure? {
        do throws(Failure) {
            try filter.requireMatch(in: StuckPair.analysis())
            return nil
        } catch {
            return error
        }
    }

    @Test("DoctorFilter parses a port, a service name and a process ID")
    func reads() throws {
        #expect(try filter("http").port == 80)
        // Only UDP has this service.
        #expect(try filter("tftp").port == 69)
        #expect(try filter("5432", pid: "17", program: "x").process == 17)
        #expect(try filter().matchesAll)
    }

    @Test(
        "an invalid filter argument throws a usage error that names the argument",
        arguments: [
            (["1", "2"], nil, "unexpected argument '2'"), (["0"], nil, "port 0"),
            (["70000"], nil, "70000"), ([], "x", "'x'"), ([], "-1", "'-1'"), ([], "+1", "'+1'"),
            ([], "0", "'0'"), ([], "99999999999", "'99999999999'"), ([], "", "''"),
        ] as [([String], String?, String)])
    func rejects(words: [String], pid: String?, part: String) {
        #expect {
            _ = try DoctorFilter(words: words, process: pid, program: nil)
        } throws: { error in
            (error as? UsageError)?.message.contains(part) == true
        }
    }

    @Test("an unknown service name in a filter throws")
    func unknownService() {
        #expect(throws: SocketError.self) { try filter("no-such-service") }
    }

    @Test("a filter matches the port of either end, the programs and the process IDs")
    func finds() throws {
        let analysis = StuckPair.analysis()
        let ends = analysis.connections[0]
        for found in [
            try filter("5432"), try filter("40000"), try filter(pid: "4711"),
            try filter(program: "server"), try filter("5432", pid: "4712", program: "server"),
        ] {
            #expect(found.matches(ends, analysis))
            #expect(found.matches(analysis.findings[0], analysis))
        }
        for other in [
            try filter("80"), try filter(pid: "1"), try filter(program: "serv"),
            try filter("5432", pid: "4712", program: "client"),
        ] {
            #expect(!other.matches(ends, analysis))
            #expect(!other.matches(analysis.findings[0], analysis))
        }
    }

    @Test("a filter for a missing port, process or program fails with status 3")
    func missing() throws {
        let port = failure(try filter("80"))
        #expect(port?.status == .notFound)
        #expect(port?.message == "no TCP or UDP socket on this machine has port 80")
        #expect(failure(try filter(pid: "9"))?.message == "there is no process 9")
        #expect(
            failure(try filter(program: "a\u{7}"))?.message == "no program is called 'a\\x07'")
        #expect(
            failure(try filter(pid: "4711", program: "server"))?.message
                == "process 4711 is not called 'server'")
        #expect(failure(try filter("5432", pid: "4711", program: "client")) == nil)
    }

    @Test("a filter for a process with hidden sockets fails with status 4")
    func hidden() throws {
        var samples = StuckPair.samples()
        samples.later.processes[4712]?.descriptors = nil
        let filter = try filter(pid: "4712")
        do throws(Failure) {
            try filter.requireMatch(in: Analysis(samples))
            Issue.record("nothing was hidden")
        } catch {
            #expect(error.status == .cannotInspect)
            #expect(error.message == "cannot see the sockets of server[4712]")
        }
    }
}
