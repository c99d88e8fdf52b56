import Sockets

/// The results of a handshake and of the verification, step by step, for `sock info`.
struct TLSReport {
    private let information: TLSInformation
    let checks: [Check]
    /// The failure if the certificate does not match the pin.
    let pinFailure: TLSFailure?

    /// One step of the verification.
    struct Check: Equatable {
        let name: String
        /// What the step checks, for a printed line.
        let title: String
        /// The reason why the step failed; nil if it succeeded.
        let failure: String?
    }

    /// Creates a report.
    ///
    /// - Parameters:
    ///   - information: The results of a handshake that noted all faults.
    ///   - serverName: The name that the certificate must contain.
    ///   - pin: The only certificate to accept; nil for any.
    init(_ information: TLSInformation, serverName: String, pin: TLSPin?) {
        self.information = information
        let faults = information.faults
        let steps = [
            ("chain", "the chain"), ("name", "the name \(serverName)"), ("dates", "the dates"),
            ("purpose", "the purpose"),
        ]
        var checks = steps.map { name, title in
            let fault = faults.first { Self.step(of: $0) == name }
            return Check(name: name, title: title, failure: fault.map { "\($0)" })
        }
        pinFailure = pin.flatMap { pin in
            let seen = information.peerCertificate.map { pin.pin(of: $0) }
            return seen == pin ? nil : .pinMismatch(seen: seen.map { "\($0)" } ?? "none")
        }
        if pin != nil {
            checks.append(Check(name: "pin", title: "the pin", failure: pinFailure.map { "\($0)" }))
        }
        self.checks = checks
    }

    /// Returns the title of the verification step that finds this fault.
    private static func step(of fault: TLSFailure) -> String {
        switch fault {
        case .wrongHost: "name"
        case .expired, .notYetValid: "dates"
        case .wrongPurpose: "purpose"
        default: "chain"
        }
    }

    /// The lines about the connection and the certificates.
    var lines: [String] {
        let chosen = information.applicationProtocol.map { ", application protocol \($0)" }
        var lines = ["\(information.version) with \(information.cipher)\(chosen ?? "")"]
        for (index, certificate) in information.peerCertificates.enumerated() {
            lines += [
                "Certificate \(index + 1)",
                "  subject      \(certificate.subject)",
                "  issuer       \(certificate.issuer)",
                "  names        \(certificate.hosts.joined(separator: ", "))",
                "  valid        \(certificate.period.joined(separator: " to "))",
                "  fingerprint  \(certificate.pin)",
            ]
        }
        return lines
    }

    var json: JSON {
        .object([
            ("version", .string("\(information.version)")),
            ("cipher", .string(information.cipher)),
            ("applicationProtocol", .optional(information.applicationProtocol)),
            ("certificates", .array(information.peerCertificates.map(\.json))),
            ("checks", .object(checks.map { ($0.name, .string($0.failure ?? "done")) })),
        ])
    }
}

extension TLSCertificate {
    /// The first and the last second at which the certificate is valid.
    fileprivate var period: [String] { [validFrom, validUntil].map { Daytime.date(Int($0)) } }

    fileprivate var json: JSON {
        .object([
            ("subject", .string(subject)), ("issuer", .string(issuer)),
            ("names", .array(hosts.map(JSON.string))),
            ("validFrom", .string(period[0])), ("validUntil", .string(period[1])),
            ("fingerprint", .string(pin)),
        ])
    }
}
