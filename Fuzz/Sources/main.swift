import Glibc

// libFuzzer's `main` cannot be linked into a Swift program, but its driver can. The driver handles the
// command line, creates inputs that reach new code, and calls the function below with each input.
@_silgen_name("LLVMFuzzerRunDriver")
private func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ entry: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

/// A family of parsers, which `FUZZ_TARGET` selects by name.
///
/// Each family has a file here and a folder of seeds in `Corpus`.
enum Family: String, CaseIterable {
    case addresses, commands, lines, structures, lookups, diagnosis, tls, proxies

    static let chosen: Family = {
        let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? "addresses"
        guard let target = Family(rawValue: name) else {
            fatalError("no target \(name): one of \(allCases.map(\.rawValue))")
        }
        return target
    }()

    func check(_ input: [UInt8]) {
        switch self {
        case .addresses: checkAddresses(input)
        case .commands: checkCommandLine(input)
        case .lines: checkLines(input)
        case .structures: checkStructures(input)
        case .lookups: checkLookups(input)
        case .diagnosis: checkDiagnosis(input)
        case .tls: checkTLS(input)
        case .proxies: checkProxies(input)
        }
    }
}

var count = CommandLine.argc
var arguments = CommandLine.unsafeArgv
exit(
    runFuzzer(&count, &arguments) { start, size in
        Family.chosen.check(Array(UnsafeBufferPointer(start: start, count: size)))
        return 0
    })
