// Sends a query with libpq, the C library of PostgreSQL, whose descriptor an event loop waits for.
//
//     PostgresClient CONNINFO QUERY PADDING
//
// Connects, and sends QUERY followed by a comment of PADDING bytes, which does not fit into the
// kernel's buffers if it is long. Prints the first value of the result, and how often the program
// waited for each direction.
import Glibc
import Sockets

/// The functions of libpq that do not block, loaded when the program starts.
@MainActor
final class Postgres {
    typealias Handle = OpaquePointer
    typealias Text = UnsafePointer<CChar>

    struct Failure: Error {
        let text: String
    }

    private let library: UnsafeMutableRawPointer
    private let connection: Handle
    private(set) var waits: (reading: Int, writing: Int) = (0, 0)

    init(_ conninfo: String) throws {
        guard let library = dlopen("libpq.so.5", RTLD_NOW) else {
            throw Failure(text: "no libpq.so.5")
        }
        self.library = library
        let start = Self.function(
            library, "PQconnectStart", as: (@convention(c) (Text) -> Handle?).self)
        guard let connection = start(conninfo) else { throw Failure(text: "out of memory") }
        self.connection = connection
    }

    /// Connects; each step says what to wait for before the next one.
    func connect() async throws {
        let poll = function("PQconnectPoll")
        // PQconnectStart behaves like a step that must write.
        try await wait(.writable)
        while true {
            switch poll(connection) {
            case 1: try await wait(.readable)
            case 2: try await wait(.writable)
            case 3: return
            default: throw failure
            }
        }
    }

    /// Sends a query, and returns the first value of its result.
    func value(of query: String) async throws -> String {
        let setNonblocking = Self.function(
            library, "PQsetnonblocking", as: (@convention(c) (Handle, Int32) -> Int32).self)
        let send = Self.function(
            library, "PQsendQuery", as: (@convention(c) (Handle, Text) -> Int32).self)
        guard setNonblocking(connection, 1) == 0, send(connection, query) == 1 else {
            throw failure
        }
        let (flush, consume) = (function("PQflush"), function("PQconsumeInput"))
        while true {
            let rest = flush(connection)
            if rest == 0 { break }
            guard rest == 1 else { throw failure }
            if try await wait([.readable, .writable]).contains(.readable) {
                guard consume(connection) == 1 else { throw failure }
            }
        }
        let isBusy = function("PQisBusy")
        while isBusy(connection) == 1 {
            try await wait(.readable)
            guard consume(connection) == 1 else { throw failure }
        }
        let result = Self.function(
            library, "PQgetResult", as: (@convention(c) (Handle) -> OpaquePointer?).self)
        let value = Self.function(
            library, "PQgetvalue",
            as: (@convention(c) (OpaquePointer, Int32, Int32) -> Text?).self)
        guard let rows = result(connection), let text = value(rows, 0, 0) else { throw failure }
        return String(cString: text)
    }

    @discardableResult
    private func wait(_ interest: Readiness) async throws -> Readiness {
        if interest.contains(.writable) { waits.writing += 1 } else { waits.reading += 1 }
        let descriptor = FileDescriptor(rawValue: function("PQsocket")(connection))
        return try await Readiness.wait(for: descriptor, interest, timeout: .seconds(10))
    }

    private var failure: Failure {
        let message = Self.function(
            library, "PQerrorMessage", as: (@convention(c) (Handle) -> Text).self)
        return Failure(text: String(cString: message(connection)))
    }

    /// Returns a function that takes the connection and returns a number.
    private func function(_ name: String) -> @convention(c) (Handle) -> Int32 {
        Self.function(library, name, as: (@convention(c) (Handle) -> Int32).self)
    }

    private static func function<Function>(
        _ library: UnsafeMutableRawPointer, _ name: String, as type: Function.Type
    ) -> Function {
        guard let address = dlsym(library, name) else { fatalError("libpq has no \(name)") }
        // Safe because `type` is the function's type in libpq-fe.h.
        return unsafeBitCast(address, to: type)
    }
}

let arguments = CommandLine.arguments
guard arguments.count == 4, let padding = Int(arguments[3]) else {
    fatalError("usage: PostgresClient CONNINFO QUERY PADDING")
}
do {
    let postgres = try Postgres(arguments[1])
    try await postgres.connect()
    let query = "\(arguments[2]) -- \(String(repeating: "x", count: padding))"
    print(try await postgres.value(of: query))
    print("reading \(postgres.waits.reading) writing \(postgres.waits.writing)")
} catch {
    print(error)
    exit(1)
}
