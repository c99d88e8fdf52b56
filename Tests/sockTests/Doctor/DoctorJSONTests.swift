import Foundation
import SocketDoctor
import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct DoctorJSONTests {
    private func object(_ json: JSON) throws -> [String: Any] {
        try #require(
            JSONSerialization.jsonObject(with: Data(json.text.utf8)) as? [String: Any])
    }

    @Test("the JSON of a finding is one object with stable keys")
    func finding() throws {
        let analysis = StuckPair.analysis()
        let finding = try #require(analysis.findings.first)
        let object = try object(DoctorJSON(analysis).object(of: finding))
        #expect(
            object.keys.sorted() == [
                "advice", "atLeast", "blockers", "confidence", "connections", "evidence", "seconds",
                "stuck", "verdict", "waits",
            ])
        #expect(object["verdict"] as? String == "peer-not-reading")
        #expect(object["stuck"] as? Bool == true)
        #expect(object["seconds"] as? Double == 12)
        #expect(object["blockers"] as? [Int] == [4712])
        let wait = try #require((object["waits"] as? [[String: Any]])?.first)
        #expect(wait["pid"] as? Int == 4711)
        #expect(wait["for"] as? [Int] == [4712])
        #expect(wait["to"] as? String == "read")
        #expect(wait["call"] as? String == "sendto")
        let ends = try #require((object["connections"] as? [[[String: Any]]])?.first)
        #expect(ends.map { $0["local"] as? String } == ["127.0.0.1:40000", "127.0.0.1:5432"])
        #expect(ends.map { $0["sendQueue"] as? Int } == [2_000_000, 0])
        let owner = try #require((ends[1]["owners"] as? [[String: Any]])?.first)
        #expect(owner["program"] as? String == "server")
        #expect(owner["descriptor"] as? Int == 4)
    }

    @Test("the JSON objects of a healthy connection and of a finding have the same keys")
    func healthy() throws {
        let stuck = StuckPair.analysis()
        let well = StuckPair.analysis(state: .sleeping)
        let one = try object(DoctorJSON(stuck).object(of: try #require(stuck.findings.first)))
        let other = try object(DoctorJSON(well).object(of: well.connections[0]))
        #expect(one.keys.sorted() == other.keys.sorted())
        #expect(other["verdict"] as? String == "idle")
        #expect(other["stuck"] as? Bool == false)
    }

    @Test("the JSON object of a port holder has the same keys as a finding, and stuck is false")
    func holder() throws {
        let analysis = StuckPair.analysis()
        let one = try object(DoctorJSON(analysis).object(of: analysis.findings[0]))
        let socket = MachineSocket(.udp, cookie: 1, inode: 1, local: .ipv4(.any, port: 53))
        let other = try object(
            DoctorJSON(analysis).object(
                of: PortHolder(socket: socket, processes: [], user: "root")))
        #expect(one.keys.sorted() == other.keys.sorted())
        #expect(other["verdict"] as? String == "bound")
        #expect(other["stuck"] as? Bool == false)
    }
}
