import Testing

@testable import SocketDoctor
@testable import Sockets

@Suite("Who waits for whom")
struct WaitGraphTests {
    private func graph(_ edges: [(Int, Int)]) -> WaitGraph<Int> {
        WaitGraph(edges.map { (from: $0.0, to: $0.1) })
    }

    @Test("a chain has no knot")
    func chain() {
        #expect(graph([(1, 2), (2, 3), (1, 3)]).knots.isEmpty)
        #expect(graph([]).knots.isEmpty)
    }

    @Test("a circle is a knot, and is told from its first member on")
    func circle() {
        let graph = graph([(3, 1), (2, 3), (1, 2), (9, 1)])
        #expect(graph.knots == [[1, 2, 3]])
        #expect(graph.circle(in: [3, 1, 2]) == [1, 2, 3])
    }

    @Test("one who waits for himself is a knot")
    func itself() {
        let graph = graph([(5, 5), (6, 5)])
        #expect(graph.knots == [[5]])
        #expect(graph.circle(in: [5]) == [5])
    }

    @Test("of a knot with several ways round the shortest is told")
    func shortest() {
        let graph = graph([(1, 2), (2, 3), (3, 4), (4, 1), (2, 1)])
        #expect(graph.knots == [[1, 2, 3, 4]])
        #expect(graph.circle(in: [1, 2, 3, 4]) == [1, 2])
    }

    @Test("whom somebody waits for in the end")
    func reached() {
        let graph = graph([(1, 2), (2, 3), (3, 2), (7, 1)])
        #expect(graph.reached(from: 1) == [2, 3])
        #expect(graph.reached(from: 3) == [2, 3])
        #expect(graph.reached(from: 8).isEmpty)
    }

    @Test("a chain may be as long as there are processes")
    func long() {
        let count = 50_000
        let graph = graph((0..<count).map { ($0, ($0 + 1) % count) })
        #expect(graph.knots.map(\.count) == [count])
        #expect(graph.circle(in: graph.knots[0]).count == count)
    }

    @Test("a knot is who reaches each other, in any graph, in any order", arguments: 0..<40)
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
            let knot = first.knots.first { $0.contains(node) }
            #expect(knot ?? [] == mates)
        }
        for knot in first.knots {
            let circle = first.circle(in: knot)
            #expect(Set(circle).count == circle.count)
            #expect(Set(circle).isSubset(of: knot))
            for (one, next) in zip(circle, circle.dropFirst() + [circle[0]]) {
                #expect(edges.contains { $0 == (one, next) })
            }
        }
        edges.shuffle(using: &generator)
        let second = graph(edges)
        #expect(second.knots == first.knots)
        #expect(second.knots.map(second.circle) == first.knots.map(first.circle))
    }
}
