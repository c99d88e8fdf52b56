import Testing

@testable import SocketDoctor
@testable import Sockets

@Suite("Wait-for graph")
struct WaitGraphTests {
    private func graph(_ edges: [(Int, Int)]) -> WaitGraph<Int> {
        WaitGraph(edges.map { (from: $0.0, to: $0.1) })
    }

    @Test("a graph without a cycle has no cyclic group")
    func chain() {
        #expect(graph([(1, 2), (2, 3), (1, 3)]).cyclicGroups.isEmpty)
        #expect(graph([]).cyclicGroups.isEmpty)
    }

    @Test("a cycle is listed from its smallest node")
    func cycle() {
        let graph = graph([(3, 1), (2, 3), (1, 2), (9, 1)])
        #expect(graph.cyclicGroups == [[1, 2, 3]])
        #expect(graph.shortestCycle(in: [3, 1, 2]) == [1, 2, 3])
    }

    @Test("a node with an edge to itself is a cyclic group")
    func itself() {
        let graph = graph([(5, 5), (6, 5)])
        #expect(graph.cyclicGroups == [[5]])
        #expect(graph.shortestCycle(in: [5]) == [5])
    }

    @Test("shortestCycle returns the shortest of several cycles")
    func shortest() {
        let graph = graph([(1, 2), (2, 3), (3, 4), (4, 1), (2, 1)])
        #expect(graph.cyclicGroups == [[1, 2, 3, 4]])
        #expect(graph.shortestCycle(in: [1, 2, 3, 4]) == [1, 2])
    }

    @Test("reached(from:) returns the nodes of the cycle at the end of a chain")
    func reached() {
        let graph = graph([(1, 2), (2, 3), (3, 2), (7, 1)])
        #expect(graph.reached(from: 1) == [2, 3])
        #expect(graph.reached(from: 3) == [2, 3])
        #expect(graph.reached(from: 8).isEmpty)
    }

    @Test("a cycle of 50,000 nodes is found")
    func long() {
        let count = 50_000
        let graph = graph((0..<count).map { ($0, ($0 + 1) % count) })
        #expect(graph.cyclicGroups.map(\.count) == [count])
        #expect(graph.shortestCycle(in: graph.cyclicGroups[0]).count == count)
    }

    @Test(
        "a cyclic group contains the nodes that reach each other, regardless of the edge order",
        arguments: 0..<40)
    func property(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let nodes = Int.random(in: 1...12, using: &generator)
        var edges = (0..<Int.random(in: 0...24, using: &generator)).map { _ in
            (
                Int.random(in: 0..<nodes, using: &generator),
                Int.random(in: 0..<nodes, using: &generator)
            )
        }
        let first = graph(edges)
        for node in 0..<nodes {
            let reached = Set(first.reached(from: node))
            let mates = (0..<nodes).filter {
                reached.contains($0) && first.reached(from: $0).contains(node)
            }
            let group = first.cyclicGroups.first { $0.contains(node) }
            #expect(group ?? [] == mates)
        }
        for group in first.cyclicGroups {
            let cycle = first.shortestCycle(in: group)
            #expect(Set(cycle).count == cycle.count)
            #expect(Set(cycle).isSubset(of: group))
            for (one, next) in zip(cycle, cycle.dropFirst() + [cycle[0]]) {
                #expect(edges.contains { $0 == (one, next) })
            }
        }
        edges.shuffle(using: &generator)
        let second = graph(edges)
        #expect(second.cyclicGroups == first.cyclicGroups)
        #expect(
            second.cyclicGroups.map(second.shortestCycle)
                == first.cyclicGroups.map(first.shortestCycle))
    }
}
