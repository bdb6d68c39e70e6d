internal import Glibc
internal import Linux

/// Version and platform of this build.
public enum BuildInformation {
    /// The version of Millrace (semantic versioning).
    public static let version = "0.1.0"

    /// The commit of a release build; nil in development builds.
    public static var commit: String? { ThisProcess.buildCommit }

    /// "0.1.0 (commit 0123456789ab), Linux x86_64, swift/6.3"
    public static var text: String {
        version + (commit.map { " (commit \($0.prefix(12)))" } ?? "") + ", \(platform), \(compiler)"
    }

    /// "Linux x86_64"
    public static var platform: String {
        var name = utsname()
        guard uname(&name) == 0 else { return "Linux" }
        return "\(text(of: name.sysname)) \(text(of: name.machine))"
    }

    /// The compiler as user agents write it: "swift/6.3".
    public static var compiler: String {
        #if compiler(>=6.4)
            "swift/6.4+"
        #elseif compiler(>=6.3)
            "swift/6.3"
        #else
            "swift/6.2"
        #endif
    }

    private static func text<T>(of tuple: T) -> String {
        withUnsafeBytes(of: tuple) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
