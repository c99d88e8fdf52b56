// A chat server: sends each line of a client to all other clients.
//
//     swift run ChatServer 51423
//     nc localhost 51423
//
// Each client has a queue of at most 64 lines and a task that writes them. A client that reads too
// slowly fills its queue and is disconnected, so it does not hold up the others. Control-C ends the
// server.
import Sockets

actor Room {
    typealias Client = (connection: Connection, queue: AsyncStream<String>.Continuation)
    private var clients: [ObjectIdentifier: Client] = [:]

    /// Adds a client, and returns the lines that it must receive.
    func add(_ connection: Connection) -> AsyncStream<String> {
        let (lines, queue) = AsyncStream.makeStream(
            of: String.self, bufferingPolicy: .bufferingOldest(64))
        clients[ObjectIdentifier(connection)] = (connection, queue)
        return lines
    }

    /// Removes a client, which still receives the lines in its queue.
    func remove(_ connection: Connection) {
        clients.removeValue(forKey: ObjectIdentifier(connection))?.queue.finish()
    }

    /// Adds a line to the queues of the other clients, and disconnects clients with a full queue.
    func send(_ line: String, from sender: Connection) {
        let text = "\(sender.remoteAddress): \(line)\n"
        for (client, queue) in clients.values where client !== sender {
            guard case .dropped = queue.yield(text) else { continue }
            print("\(client.remoteAddress) read too slowly")
            client.abort()
            remove(client)
        }
    }
}

func chat(_ client: Connection, in room: Room) async {
    let lines = await room.add(client)
    print("\(client.remoteAddress) joined")
    await withDiscardingTaskGroup { group in
        group.addTask {
            do {
                for await line in lines { try await client.write(line, timeout: .seconds(30)) }
            } catch { client.abort() }
        }
        while let line = try? await client.readLine() { await room.send(line, from: client) }
        await room.remove(client)
    }
    print("\(client.remoteAddress) left")
}

let port = try Port(parsing: CommandLine.arguments.dropFirst().first ?? "51423")
let room = Room()
let listener = try await Listener(on: .tcp(port: port))
print("Listening on \(listener.localAddress)")
try await listener.serve { connection in await chat(connection, in: room) }
