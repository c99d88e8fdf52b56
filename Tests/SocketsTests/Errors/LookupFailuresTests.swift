import Testing

@testable import Sockets

@Suite("Lookup failures")
struct LookupFailuresTests {
    private func failure(
        _ code: Int32, _ message: String, _ isNotFound: Bool, _ isTemporary: Bool
    ) -> NameResolutionFailure {
        NameResolutionFailure(
            code: code, message: message, isNotFound: isNotFound, isTemporary: isTemporary)
    }

    @Test("a name-resolution failure prints the C library's message with a lowercase first letter")
    func resolutionText() {
        let failure = failure(-2, "Name or service not known", true, false)
        #expect(failure.description == "name or service not known")
        #expect(failure.message == "Name or service not known")
        #expect(failure.code == -2)
        #expect(failure.isNotFound && !failure.isTemporary)
    }

    @Test("name-resolution failures are equal only if all their parts are equal")
    func equality() {
        let one = failure(-2, "a", true, false)
        #expect(one == failure(-2, "a", true, false))
        #expect(one != failure(-3, "a", true, false))
        #expect(one != failure(-2, "b", true, false))
        #expect(one != failure(-2, "a", false, false))
        #expect(one != failure(-2, "a", true, true))
    }

    @Test("each host-lookup failure has a distinct description")
    func hostPhrases() {
        #expect(HostLookupFailure.hostNotFound.description == "unknown host")
        #expect(HostLookupFailure.tryAgain.description == "host name lookup failure, try again")
        #expect(HostLookupFailure.noRecovery.description == "unknown server error")
        #expect(HostLookupFailure.noData.description == "no address associated with this name")
    }

    @Test(
        "withLowercasedFirst changes only the first letter",
        arguments: [
            ("Connection refused", "connection refused"), ("", ""), ("A", "a"), ("é", "é"),
            ("Éa", "éa"), ("already", "already"), ("1 B", "1 B"), ("No IPv6", "no IPv6"),
        ])
    func lowercasing(text: String, lowered: String) {
        #expect(text.withLowercasedFirst == lowered)
    }
}
