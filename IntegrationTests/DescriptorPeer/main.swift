// Exchanges descriptors over a Unix socket with a program in another language.
//
//     DescriptorPeer blocking|async|packets PATH
//
// Connects to PATH, receives one descriptor, and reads a text from it. Then sends the credentials of
// the peer, and the reading end of a pipe that contains the text.
import Sockets
import SystemPackage

let arguments = CommandLine.arguments
guard arguments.count == 3 else { fatalError("usage: DescriptorPeer blocking|async|packets PATH") }
let endpoint =
    arguments[1] == "packets"
    ? Endpoint.unixSequencedPacket(arguments[2]) : .unix(arguments[2])

/// Reads a text from a descriptor, and closes it.
func readText(from descriptor: FileDescriptor?) throws -> [UInt8] {
    guard let descriptor else { fatalError("the peer sent no descriptor") }
    defer { try? descriptor.close() }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = try bytes.withUnsafeMutableBytes { try descriptor.read(into: $0) }
    return Array(bytes[..<count])
}

/// Returns the reading end of a pipe that contains a text.
func pipe(containing text: [UInt8]) throws -> FileDescriptor {
    let ends = try FileDescriptor.pipe()
    try ends.writeEnd.writeAll(text)
    try ends.writeEnd.close()
    return ends.readEnd
}

/// Returns the numbers in the order in which `ps -o pid=,euid=,egid=,supgid=` prints them.
func description(of peer: PeerCredentials) -> String {
    let groups = peer.groups.map(String.init).joined(separator: ",")
    return "\(peer.processID) \(peer.userID) \(peer.groupID) \(groups.isEmpty ? "-" : groups)"
}

switch arguments[1] {
case "blocking":
    let socket = try Socket(to: endpoint)
    var message = try socket.receive(descriptorsAtMost: 1, timeout: .seconds(10))
    let answer = try pipe(containing: try readText(from: message.takeDescriptor()))
    try socket.send(description(of: socket.peerCredentials), descriptors: [answer])
case "async":
    let connection = try await Connection(to: endpoint)
    var message = try await connection.receive(descriptorsAtMost: 1, timeout: .seconds(10))
    let answer = try pipe(containing: try readText(from: message.takeDescriptor()))
    try await connection.send(
        description(of: connection.peerCredentials), descriptors: [answer])
case "packets":
    let connection = try await PacketConnection(to: endpoint)
    // The peer sends an empty packet first, which is not the end of the connection.
    let first = try await connection.receive(timeout: .seconds(10))
    guard first?.bytes == [],
        var message = try await connection.receive(descriptorsAtMost: 1, timeout: .seconds(10))
    else { fatalError("the peer sent no packet") }
    let answer = try pipe(containing: try readText(from: message.takeDescriptor()))
    try await connection.send(
        description(of: connection.peerCredentials), descriptors: [answer])
default: fatalError("the first argument must be blocking, async or packets")
}
