@testable import Sockets

/// Passes an input to what parses the replies of proxies, their texts, and the list of excluded hosts.
func checkProxies(_ input: [UInt8]) {
    var reader = InputReader(input)
    let kind = reader.byte()
    switch kind % 6 {
    case 0: checkReplies(&reader, of: .socks5(ProxyInputs.proxy))
    case 1: checkReplies(&reader, of: .socks5(ProxyInputs.proxy, user: "user", password: "pw"))
    case 2: checkReplies(&reader, of: .socks4a(ProxyInputs.proxy))
    case 3: checkReplies(&reader, of: .httpConnect(ProxyInputs.proxy))
    case 4: checkProxyText(String(decoding: reader.take(input.count), as: UTF8.self))
    default: checkExcludedHosts(&reader)
    }
}

private enum ProxyInputs {
    static let proxy = Endpoint.tcp("proxy.example", port: 1080)
    static let target = Endpoint.tcp("db.example", port: 5432)
    static let password = "s3cr3t-v4lue"
}

/// What a dialogue sends and takes, until it has connected or failed.
private struct ProxyOutcome: Equatable {
    var requests: [[UInt8]] = []
    var taken = 0
    var hasConnected = false
    var failure: ProxyFailure?
}

/// Passes replies in chunks to a dialogue.
///
/// The outcome must not depend on the size of the chunks.
private func checkReplies(_ reader: inout InputReader, of proxy: Proxy) {
    let size = 1 + Int(reader.byte()) % 16
    let bytes = reader.take(4096)
    let whole = outcome(of: proxy, bytes, chunkSize: max(1, bytes.count))
    let arriving = outcome(of: proxy, bytes, chunkSize: size)
    require(
        whole == arriving, "the outcome depends on the chunks: \(whole), \(arriving)", "\(bytes)")
    require(whole.hasConnected != (whole.failure != nil), "no outcome: \(whole)", "\(bytes)")
    if let failure = whole.failure { requirePrintable("\(failure)", "\(bytes)") }
}

private func outcome(of proxy: Proxy, _ bytes: [UInt8], chunkSize size: Int) -> ProxyOutcome {
    let hops = try? proxy.hops(to: ProxyInputs.target)
    guard var dialogue = try? hops?.first?.dialogue(until: Deadline(startingNow: .never)) else {
        fatalError("the proxy cannot be used")
    }
    var outcome = ProxyOutcome()
    var rest = bytes[...]
    while let request = dialogue.takeRequest() {
        outcome.requests.append(request)
        while dialogue.needsReply {
            let chunk = rest.prefix(size)
            guard !chunk.isEmpty else {
                dialogue.end()
                break
            }
            let count = dialogue.take(chunk)
            require(1...chunk.count ~= count, "\(count) of \(chunk.count) bytes", "\(bytes)")
            rest = rest.dropFirst(count)
        }
    }
    outcome.failure = dialogue.failure
    outcome.hasConnected = dialogue.failure == nil
    // A failure is found with a part of the reply, whose size depends on the chunks.
    if dialogue.failure == nil { outcome.taken = bytes.count - rest.count }
    if case .unexpectedReply = dialogue.failure { outcome.failure = .unexpectedReply([]) }
    return outcome
}

private func checkProxyText(_ text: String) {
    do throws(SocketError) {
        let server = try ProxyServer(parsing: text, from: nil)
        requirePrintable("\(server)", text)
        let again = try? ProxyServer(parsing: "\(server)", from: nil)
        require(
            again == ProxyServer(server.scheme, server.endpoint),
            "\(server) changes in a round trip", text)
    } catch {
        requirePrintable("\(error)", text)
    }
    do throws(SocketError) {
        _ = try Proxy(parsing: "http://alice:\(ProxyInputs.password)@\(text)")
    } catch {
        require(!"\(error)".contains(ProxyInputs.password), "an error shows a password", text)
    }
}

private func checkExcludedHosts(_ reader: inout InputReader) {
    let host = String(decoding: reader.text(), as: UTF8.self)
    let list = String(decoding: reader.text(), as: UTF8.self)
    func isDirect(_ list: String) -> Bool {
        let environment = ProxyEnvironment { name in
            switch name {
            case "all_proxy": "proxy.example"
            case "no_proxy": list
            default: nil
            }
        }
        return (try? environment.server(for: .tcp(host, port: 1))) == nil
    }
    let isExcluded = isDirect(list)
    guard HostName.problem(with: host) == nil else { return }
    require(isDirect("\(list),\(host)"), "a host in the list is not excluded", host)
    require(!isExcluded || isDirect("\(list) other"), "an entry disables another one", list)
}
