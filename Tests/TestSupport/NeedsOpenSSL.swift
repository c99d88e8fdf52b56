import Glibc
import Sockets
public import Testing

extension Trait where Self == ConditionTrait {
    /// Skips a test visibly on a machine without OpenSSL: its library, or openssl(1), which makes certificates.
    public static var needsOpenSSL: Self {
        .enabled(if: OpenSSL.isInstalled, "needs OpenSSL; install the package openssl")
    }
}

private enum OpenSSL {
    static let isInstalled = system("openssl version >/dev/null 2>&1") == 0 && isLoadable()

    /// Returns whether the library can be loaded.
    ///
    /// Any other failure is a fault that the tests must show.
    private static func isLoadable() -> Bool {
        do {
            _ = try TLSIdentity.selfSigned(for: "localhost")
        } catch {
            if case .tls(.unavailable) = error.cause { return false }
        }
        return true
    }
}
