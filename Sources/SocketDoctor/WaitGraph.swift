internal import Sockets

/// A wait-for graph, which finds cycles and the ends of chains.
///
/// The graph does no I/O, and its results do not depend on the order of the edges.
struct WaitGraph<Node: Hashable & Comparable & Sendable>: Sendable {
    private let nodes: [Node]
    private let targets: [Node: [Node]]

    init(_ edges: some Sequence<(from: Node, to: Node)>) {
        var found: [Node: Set<Node>] = [:]
        var all: Set<Node> = []
        for edge in edges {
            found[edge.from, default: []].insert(edge.to)
            all.formUnion([edge.from, edge.to])
        }
        nodes = all.sorted()
        targets = found.mapValues { $0.sorted() }
    }

    /// The strongly connected components that contain a cycle.
    ///
    /// These are the groups in which each node waits for every other node, directly or through
    /// others, and the single nodes that wait for themselves.
    ///
    /// Each group and the list of groups are sorted.
    var cyclicGroups: [[Node]] {
        var search = Search(targets)
        for node in nodes { search.visit(node) }
        return search.groups.filter { group in
            group.count > 1 || targets[group[0]]?.contains(group[0]) == true
        }.map { $0.sorted() }.sorted { $0[0] < $1[0] }
    }

    /// Returns the shortest cycle through the first node of a cyclic group.
    ///
    /// Each node of the result waits for the next node, and the last node waits for the first.
    func shortestCycle(in group: [Node]) -> [Node] {
        guard let first = group.min() else { return [] }
        let members = Set(group)
        var cameFrom: [Node: Node] = [:]
        var queue = [first][...]
        while let node = queue.popFirst() {
            for next in targets[node] ?? [] where members.contains(next) {
                if next == first { return path(to: node, from: first, cameFrom) }
                guard cameFrom[next] == nil else { continue }
                cameFrom[next] = node
                queue.append(next)
            }
        }
        return []
    }

    /// Returns all nodes for which `node` waits, directly or through others, in ascending order.
    func reached(from node: Node) -> [Node] {
        var seen: Set<Node> = []
        var stack = targets[node] ?? []
        while let next = stack.popLast() {
            if seen.insert(next).inserted { stack += targets[next] ?? [] }
        }
        return seen.sorted()
    }

    private func path(to last: Node, from first: Node, _ cameFrom: [Node: Node]) -> [Node] {
        var path = [last]
        while let node = path.last, node != first, let before = cameFrom[node] {
            path.append(before)
        }
        return path.reversed()
    }

    /// Tarjan's search for strongly connected components.
    ///
    /// It uses an explicit stack instead of recursion, because a chain of waits may be as long as
    /// the list of processes.
    private struct Search {
        let targets: [Node: [Node]]
        var groups: [[Node]] = []
        private var number: [Node: Int] = [:]
        private var lowest: [Node: Int] = [:]
        private var open: [Node] = []
        private var isOpen: Set<Node> = []

        init(_ targets: [Node: [Node]]) { self.targets = targets }

        mutating func visit(_ root: Node) {
            guard number[root] == nil else { return }
            var work = [(node: root, next: 0)]
            enter(root)
            while let (node, next) = work.last {
                let followers = targets[node] ?? []
                if next < followers.count {
                    work[work.count - 1].next += 1
                    let follower = followers[next]
                    if number[follower] == nil {
                        enter(follower)
                        work.append((follower, 0))
                    } else if isOpen.contains(follower) {
                        lower(node, to: number[follower])
                    }
                } else {
                    work.removeLast()
                    if lowest[node] == number[node] { close(node) }
                    if let parent = work.last?.node { lower(parent, to: lowest[node]) }
                }
            }
        }

        private mutating func enter(_ node: Node) {
            lowest[node] = number.count
            number[node] = number.count
            open.append(node)
            isOpen.insert(node)
        }

        private mutating func lower(_ node: Node, to value: Int?) {
            lowest[node] = min(lowest[node] ?? .max, value ?? .max)
        }

        private mutating func close(_ node: Node) {
            var group: [Node] = []
            while let last = open.popLast() {
                isOpen.remove(last)
                group.append(last)
                if last == node { break }
            }
            groups.append(group)
        }
    }
}
