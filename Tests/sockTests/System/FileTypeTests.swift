import Foundation
import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct FileTypeTests {
    @Test("a socket file is a socket, other files are not, and a missing file has no type")
    func types() throws {
        let folder = try temporaryFolder()
        let socket = try Socket(on: .unix(folder + "/s"))
        #expect(FileType(ofPath: Array((folder + "/s").utf8)) == .socket)
        socket.close()
        #expect(FileType(ofPath: Array(folder.utf8)) == .other)
        #expect(FileType(ofPath: Array("/dev/null".utf8)) == .other)
        #expect(FileType(ofPath: Array((folder + "/missing").utf8)) == nil)
    }
}
