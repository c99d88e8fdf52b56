import Glibc

// libFuzzer's own `main` cannot be linked into a Swift program, its driver can: it takes over the
// command line, makes up inputs that reach new code, and calls the function below with each.
@_silgen_name("LLVMFuzzerRunDriver")
private func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ entry: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

var count = CommandLine.argc
var arguments = CommandLine.unsafeArgv
exit(
    runFuzzer(&count, &arguments) { start, size in
        checkParsers(Array(UnsafeBufferPointer(start: start, count: size)))
        checkDiagnosis(Array(UnsafeBufferPointer(start: start, count: size)))
        return 0
    })
