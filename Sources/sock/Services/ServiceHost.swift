import Sockets

/// Serves one of the classic services on TCP and UDP at once: a thread for each caller, and one for
/// the datagrams of each address.
final class ServiceHost: Sendable {
    private let service: ClassicService
    private let sockets: [ServiceSockets]
    private let isVerbose: Bool
    private let state = Monitor((callers: 0, isStopping: false))

    init(_ service: ClassicService, _ sockets: [ServiceSockets], isVerbose: Bool) {
        self.service = service
        self.sockets = sockets
        self.isVerbose = isVerbose
    }

    /// Serves until `stop`; then waits a moment for the callers who are being served.
    ///
    /// - Parameter threads: how many threads accept callers, for each address.
    func run(threads: Int) throws {
        var isStarted = true
        for pair in sockets {
            for _ in 0..<threads {
                isStarted = isStarted && Worker.start { [self] in acceptCallers(pair.listener) }
            }
            isStarted = isStarted && Worker.start { [self] in answerDatagrams(pair.datagrams) }
        }
        guard isStarted else { throw Failure(.otherFailure, "cannot start so many threads") }
        state.wait { $0.isStopping }
        state.wait(atMost: .seconds(1)) { $0.callers == 0 }
    }

    /// Lets nobody in any more.
    func stop() {
        for pair in sockets {
            pair.listener.close()
            pair.datagrams.close()
        }
        state.update { $0.isStopping = true }
    }
}

extension ServiceHost {
    private func acceptCallers(_ listener: Socket) {
        let acceptor = Acceptor(listener)
        do {
            while let caller = try acceptor.next() {
                Report.arrival(of: caller, if: isVerbose)
                state.update { $0.callers += 1 }
                let isStarted = Worker.start { [self] in serve(caller) }
                if !isStarted {
                    Report.note("no thread is left for \(caller.peerName)")
                    state.update { $0.callers -= 1 }
                }
            }
        } catch {
            Program.end(with: Failure(error))
        }
    }

    private func serve(_ caller: Socket) {
        do throws(SocketError) {
            try service.serve(caller)
        } catch {
            // A caller who hangs up is the ordinary end of most of these services.
            if isVerbose { Report.note("\(error)") }
        }
        caller.close()
        state.update { $0.callers -= 1 }
    }

    private func answerDatagrams(_ socket: Socket) {
        var buffer = [UInt8](repeating: 0, count: 65_535)
        var turn = 0
        while true {
            do throws(SocketError) {
                var span = buffer.mutableSpan
                var bytes = span.mutableBytes
                let header = try socket.receiveFrom(into: &bytes)
                guard let port = header.sender.port,
                    !ClassicService.reflectingPorts.contains(port)
                else { continue }
                let answer = service.answer(
                    to: buffer[..<header.count], seconds: Environment.secondsSince1970, turn: turn)
                guard let answer else { continue }
                turn += 1
                _ = try socket.send(answer, to: header.sender)
            } catch {
                if socket.isClosed { return }
                if isVerbose { Report.note("\(error)") }
            }
        }
    }
}
