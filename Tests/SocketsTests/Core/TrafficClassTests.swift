import Testing

@testable import Sockets

@Suite("TrafficClass")
struct TrafficClassTests {
    @Test("a traffic class has the code point in its upper six bits and ECN in its lower two")
    func parts() {
        for byte in UInt8.min...UInt8.max {
            let value = TrafficClass(rawValue: byte)
            #expect(value.codePoint.rawValue == byte / 4)
            #expect(value.ecn.rawValue == byte % 4)
            #expect(TrafficClass(value.codePoint, ecn: value.ecn) == value)
        }
        #expect(TrafficClass(.expeditedForwarding).rawValue == 0xB8)
        #expect(TrafficClass(.standard, ecn: .congestionExperienced).rawValue == 3)
    }

    @Test("code points are numbers below 64")
    func range() {
        #expect(TrafficClass.CodePoint(rawValue: 63)?.rawValue == 63)
        #expect(TrafficClass.CodePoint(rawValue: 64) == nil)
        #expect(TrafficClass.CodePoint(rawValue: 255) == nil)
    }

    @Test("the named code points have the numbers of their RFCs")
    func names() {
        let selectors: [TrafficClass.CodePoint] = [
            .standard, .cs1, .cs2, .cs3, .cs4, .cs5, .cs6, .cs7,
        ]
        #expect(selectors.map(\.rawValue) == (0..<8).map { $0 * 8 })
        let assured: [[TrafficClass.CodePoint]] = [
            [.af11, .af12, .af13], [.af21, .af22, .af23], [.af31, .af32, .af33],
            [.af41, .af42, .af43],
        ]
        for (index, group) in assured.enumerated() {
            for (drop, codePoint) in group.enumerated() {
                #expect(Int(codePoint.rawValue) == 8 * (index + 1) + 2 * (drop + 1))
            }
        }
        #expect(TrafficClass.CodePoint.lowerEffort.rawValue == 1)
        #expect(TrafficClass.CodePoint.expeditedForwarding.rawValue == 46)
    }
}
