#if DEBUG
    package import SystemPackage

    /// Makes chosen system calls of the current task fail, or move fewer bytes, for tests.
    ///
    /// Exists in debug builds only; a release build has neither the type nor the branch that asks it.
    /// The faults of a call are used up in the order of the script, one for each call; when they are
    /// used up the call goes to the kernel again.
    package final class FaultInjection: Sendable {
        /// What happens to one call.
        package enum Fault: Sendable {
            /// The kernel is asked.
            case pass
            /// The kernel is not asked; the call fails with this number.
            case error(Errno)
            /// The kernel is asked to move at most this many bytes: for recv, send, sendmsg and
            /// sendfile.
            case short(Int)
        }

        @TaskLocal package static var current: FaultInjection?

        private let script: Lock<[SystemCall: [Fault]]>

        package init(_ script: [SystemCall: [Fault]]) {
            self.script = Lock(script)
        }

        /// Runs `body` with this script in force for the calls that its thread makes.
        package static func during<Result>(
            _ script: [SystemCall: [Fault]], _ body: () throws -> Result
        ) rethrows -> Result {
            try $current.withValue(FaultInjection(script), operation: body)
        }

        /// How many faults of `call` have not happened yet.
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
                    // Used up by `limit`, which the calls that can be short ask first.
                    preconditionFailure("\(call.rawValue)(2) cannot be made to move fewer bytes")
                }
            }
        }

        func limit(_ count: Int, of call: SystemCall) -> Int {
            script.withLock { script in
                guard case .short(let most)? = script[call]?.first else { return count }
                // The fault stays at the head until the call is made: replaced by "pass".
                script[call]?[0] = .pass
                return min(count, most)
            }
        }
    }
#endif
