#if DEBUG
    package import SystemPackage

    /// Makes selected system calls of the current task fail, or transfer fewer bytes, for tests.
    ///
    /// Exists in debug builds only: a release build has neither the type nor the branch that checks
    /// it. Each call uses up the next fault of its script. After the last one, calls reach the
    /// kernel again.
    package final class FaultInjection: Sendable {
        /// The effect on one call.
        package enum Fault: Sendable {
            /// The call reaches the kernel.
            case pass
            /// The call fails with this number and does not reach the kernel.
            case error(Errno)
            /// The kernel transfers at most this many bytes: for recv, send, sendmsg and sendfile.
            case short(Int)
        }

        @TaskLocal package static var current: FaultInjection?

        private let script: Lock<[SystemCall: [Fault]]>

        package init(_ script: [SystemCall: [Fault]]) {
            self.script = Lock(script)
        }

        /// Runs `body` with this script in effect for the calls of its thread.
        package static func during<Result>(
            _ script: [SystemCall: [Fault]], _ body: () throws -> Result
        ) rethrows -> Result {
            try $current.withValue(FaultInjection(script), operation: body)
        }

        /// Returns the number of faults of `call` that have not been used.
        package func remaining(of call: SystemCall) -> Int {
            script.withLock { $0[call]?.count ?? 0 }
        }

        func nextError(of call: SystemCall) -> Errno? {
            script.withLock { script in
                guard let first = script[call]?.first else { return nil }
                switch first {
                case .pass:
                    script[call]?.removeFirst()
                    return nil
                case .error(let code):
                    script[call]?.removeFirst()
                    return code
                case .short:
                    // `limit` uses these up, and every call that can be short calls it first.
                    preconditionFailure("\(call.rawValue)(2) cannot be made to move fewer bytes")
                }
            }
        }

        func limit(_ count: Int, of call: SystemCall) -> Int {
            script.withLock { script in
                guard case .short(let most)? = script[call]?.first else { return count }
                // The fault stays at the head until the call is made, as "pass".
                script[call]?[0] = .pass
                return min(count, most)
            }
        }
    }
#endif
