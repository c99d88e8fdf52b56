import Foundation
import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct ClassicServiceTests {
    @Test("what each service answers to a datagram")
    func datagrams() {
        let ask: [UInt8] = [1, 2, 3]
        func answer(_ service: ClassicService) -> [UInt8]? {
            service.answer(to: ask[...], seconds: 0, turn: 0)
        }
        #expect(answer(.echo) == ask)
        #expect(answer(.discard) == nil)
        #expect(answer(.daytime) == Daytime.text(0))
        #expect(answer(.time) == [0x83, 0xAA, 0x7E, 0x80])
        #expect(answer(.chargen) == CharacterGenerator.datagram(0))
        #expect(answer(.sink) == [3, 0, 0, 0, 0, 0, 0, 0])
    }

    @Test("ports on which a service would answer back")
    func reflecting() {
        #expect(ClassicService.reflectingPorts == [7, 13, 17, 19, 37])
    }

    /// What a caller gets who sends this and half-closes.
    private func talk(_ service: ClassicService, _ bytes: [UInt8]) throws -> [UInt8] {
        let (caller, served) = try Socket.pair()
        Thread {
            try? service.serve(served)
            served.close()
        }.start()
        try? caller.sendAll(bytes)
        try? caller.shutdown(.writing)
        return try caller.receiveToEnd()
    }

    @Test("what each service does with a caller")
    func streams() throws {
        #expect(try talk(.echo, [1, 2, 3]) == [1, 2, 3])
        #expect(try talk(.discard, [1, 2, 3]).isEmpty)
        #expect(try talk(.sink, [UInt8](repeating: 0, count: 1000)) == [0xE8, 3, 0, 0, 0, 0, 0, 0])
        #expect(try talk(.daytime, []).suffix(6) == Array(" UTC\r\n".utf8)[...])
        #expect(try talk(.time, []).count == 4)
    }

    @Test("chargen sends the pattern until the caller hangs up, and reads what he sends meanwhile")
    func chargen() throws {
        let (caller, served) = try Socket.pair()
        let thread = Thread {
            try? ClassicService.chargen.serve(served)
            served.close()
        }
        thread.start()
        let bytes = try SocketStream(caller).readExactly(200_000, timeout: .seconds(20))
        let cycle = CharacterGenerator.cycle
        #expect(zip(bytes, cycle + cycle + cycle).allSatisfy { $0 == $1 })
        caller.close()
    }
}
