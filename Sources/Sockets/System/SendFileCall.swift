internal import Glibc
internal import SystemPackage

extension System {
    /// Errors of sendfile(2) that concern the file and not the connection.
    ///
    /// The kernel cannot send from some kinds of files (`EINVAL`) or from files without a position,
    /// such as pipes (`ESPIPE`).
    static let sendfileRefusals: [Errno] = [
        .invalidArgument, .illegalSeek, .noFunction, .notSupported, .badFileDescriptor,
        .isDirectory, .ioError, .overflow,
    ]

    /// Reads bytes of a user's file, starting at an offset: pread(2).
    ///
    /// Returns 0 at the end of the file.
    static func pread(
        _ file: Int32, _ buffer: UnsafeMutableRawBufferPointer, at offset: Int
    ) throws(Errno) -> Int {
        try systemCall(.pread, fromUser: true) {
            Glibc.pread(file, buffer.baseAddress, buffer.count, offset)
        }
    }

    /// Sends bytes of a user's file, starting at an offset: sendfile(2).
    ///
    /// Returns 0 at the end of the file.
    ///
    /// sendfile has no flag like `MSG_NOSIGNAL`, so SIGPIPE is blocked during the call.
    static func sendfile(
        _ descriptor: Int32, from file: Int32, offset: Int, count: Int
    ) throws(Errno) -> Int {
        let block = PipeSignalBlock()
        defer { block.end() }
        var offset = offset
        do throws(Errno) {
            return try transferCall(.sendfile, count, onInterrupt: .report, fromUser: true) {
                count in
                Glibc.sendfile(descriptor, file, &offset, count)
            }
        } catch {
            throw error.ofSend
        }
    }
}
