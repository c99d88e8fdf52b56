/// A cache of the newest ticket for each server, for at most `limit` servers.
///
/// At the limit, a new server replaces the server that was added first.
struct TicketCache<Ticket> {
    private let limit: Int
    private var tickets: [String: Ticket] = [:]
    private var order: [String] = []

    init(limit: Int) { self.limit = limit }

    /// Stores a ticket, and returns the ticket that it replaces, if any.
    mutating func store(_ ticket: Ticket, for server: String) -> Ticket? {
        if let old = tickets.updateValue(ticket, forKey: server) { return old }
        order.append(server)
        return order.count > limit ? tickets.removeValue(forKey: order.removeFirst()) : nil
    }

    /// Returns the ticket of a server.
    func ticket(for server: String) -> Ticket? { tickets[server] }

    /// Removes the ticket of a server.
    mutating func remove(_ server: String) {
        tickets[server] = nil
        order.removeAll { $0 == server }
    }

    /// All tickets.
    var all: some Collection<Ticket> { tickets.values }
}
