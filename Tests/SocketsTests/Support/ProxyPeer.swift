@testable import Sockets

/// A request of a client, and the reply of a proxy.
struct ProxyExchange: Sendable {
    let request: [UInt8]
    let reply: [UInt8]

    init(_ request: [UInt8], _ reply: [UInt8]) {
        self.request = request
        self.reply = reply
    }

    /// A request and a reply of HTTP.
    init(_ request: String, _ reply: String) { self.init(Array(request.utf8), Array(reply.utf8)) }
}

/// A peer on a thread of its own that plays the proxies of one connection, and the target behind them.
enum ProxyPeer {
    /// Accepts a connection, and passes it to `script`.
    static func start<Value: Sendable>(
        _ script: @escaping @Sendable (SocketStream) throws -> Value
    ) throws -> (endpoint: Endpoint, script: Background<Value>) {
        let listener = try Socket(on: Loopback.ipv4)
        let port = listener.localAddress.port ?? 0
        let script = Background {
            try script(SocketStream(try listener.accept(timeout: .seconds(20))))
        }
        return (.tcp("127.0.0.1", port: port), script)
    }

    /// Replies to requests of the expected sizes, sends `greeting` in the same segment as the last
    /// reply, and returns the requests and what follows them.
    static func replying(
        _ exchanges: [ProxyExchange], greeting: String = ""
    ) throws -> (endpoint: Endpoint, script: Background<[[UInt8]]>) {
        try start { stream in
            var requests = try play(exchanges, on: stream, greeting: greeting)
            requests.append(try stream.readToEnd(limit: 4096, timeout: .seconds(20)))
            return requests
        }
    }

    /// Replies to requests of the expected sizes, and returns the requests.
    static func play(
        _ exchanges: [ProxyExchange], on stream: SocketStream, greeting: String = ""
    ) throws -> [[UInt8]] {
        var requests: [[UInt8]] = []
        for (index, exchange) in exchanges.enumerated() {
            requests.append(
                try stream.readExactly(exchange.request.count, timeout: .seconds(20)))
            try stream.write(exchange.reply)
            if index == exchanges.count - 1 { try stream.write(greeting) }
            try stream.flush(timeout: .seconds(20))
        }
        return requests
    }
}
