// A UDP echo server.
import Sockets

let channel = try await DatagramChannel(on: .udp(port: 51423))
for try await datagram in channel { try await channel.send(datagram.bytes, to: datagram.sender) }
