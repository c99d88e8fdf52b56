// A blocking client, the tutorial's way.
import Sockets

let socket = try Socket(to: .tcp("www.example.com", port: "http"), timeout: .seconds(10))
print("Connected from", socket.localAddress, "to", socket.remoteAddress)
