#if DEBUG
    package import SystemPackage

    /// A script that makes selected system calls of the current task fail or transfer fewer bytes,
    /// for tests.
    ///
    /// The class exists only in debug builds, so a release build has neither the type nor the
    /// branch that checks for a script. Each call consumes the next fault in its part of the
    /// script. After the last fault, calls reach the kernel again.
    package final class FaultInjection: Sendable {
        /// The effect on one call.
        package enum Fault: Sendable {
            /// The call reaches the kernel.
            case pass
            /// The call fails with this error number and does not reach the kernel.
            case error(Errno)
            /// The kernel transfers at most this many bytes (only for recv, send, sendmsg,
            /// sendfile and splice).
            case short(Int)
        }

        @TaskLocal package static var current: FaultInjection?

        private let script: Lock<[SystemCall: [Fault]]>

        package init(_ script: [SystemCall: [Fault]]) { self.script = Lock(script) }

        /// Runs `body` while this script applies to the system calls of the current task.
        package static func during<Result>(
            _ script: [SystemCall: [Fault]], _ body: () throws -> Result
        ) rethrows -> Result {
            try $current.withValue(FaultInjection(script), operation: body)
        }

        /// Returns the number of faults for `call` that have not been consumed.
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
                    // A call that transfers bytes calls `limit` first, which replaces `short` by
                    // `pass`. So this call does not transfer bytes, and the script is wrong.
                    preconditionFailure("\(call.rawValue)(2) does not support short transfers")
                }
            }
        }

        func limit(_ count: Int, of call: SystemCall) -> Int {
            script.withLock { script in
                guard case .short(let most)? = script[call]?.first else { return count }
                // Keep an entry in the script, because `nextError` will consume one for the same
                // call.
                script[call]?[0] = .pass
                return min(count, most)
            }
        }
    }
#endif
