import Foundation
import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct FileTypeTests {
    @Test("FileType is socket for a socket file, other for other files, and nil for a missing file")
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
