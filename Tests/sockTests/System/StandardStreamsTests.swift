import Foundation
import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct StandardStreamsTests {
    @Test("all is written and all is read, and then comes the end")
    func pipe() throws {
        let (reader, writer) = try FileDescriptor.pipe()
        let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0) }
        Worker.start {
            try? StandardStream(writer).write(bytes[...])
            try? writer.close()
        }
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1000)
        while case let count = try StandardStream(reader).read(into: &buffer), count > 0 {
            received += buffer[..<count]
        }
        #expect(received == bytes)
        try reader.close()
    }

    @Test("a pipe that somebody has set not to wait is waited for")
    func nonBlocking() throws {
        let (reader, writer) = try FileDescriptor.pipe()
        _ = fcntl(reader.rawValue, F_SETFL, O_NONBLOCK)
        _ = fcntl(writer.rawValue, F_SETFL, O_NONBLOCK)
        let bytes = [UInt8](repeating: 7, count: 300_000)
        Worker.start {
            try? StandardStream(writer).write(bytes[...])
            try? writer.close()
        }
        var count = 0
        var buffer = [UInt8](repeating: 0, count: 1000)
        while case let piece = try StandardStream(reader).read(into: &buffer), piece > 0 {
            count += piece
        }
        #expect(count == bytes.count)
        try reader.close()
    }

    @Test("a pipe is no terminal, and a bad descriptor is an error")
    func errors() throws {
        let (reader, writer) = try FileDescriptor.pipe()
        #expect(!StandardStream(reader).isTerminal)
        #expect(StandardStream(reader).width == 80)
        try reader.close()
        var buffer = [UInt8](repeating: 0, count: 1)
        let closed = StandardStream(FileDescriptor(rawValue: 1_000_000))
        #expect(throws: Errno.badFileDescriptor) { try closed.read(into: &buffer) }
        try writer.close()
    }

    @Test("standard input that the parent has closed is an end of input, and no socket")
    func gaps() throws {
        let peer = try Peer { caller in
            _ = try caller.receiveToEnd()
            try caller.sendAll("seen")
        }
        let outcome = try SockProgram.shell("\"$SOCK\" 127.0.0.1 \(peer.port) <&-")
        #expect(outcome.status == 0)
        #expect(outcome.text == "seen")
    }
}
