internal import Glibc

/// What this build calls itself.
public enum BuildInformation {
    /// The version of Millrace, by semantic versioning.
    public static let version = "0.1.0"

    /// "Linux x86_64"
    public static var platform: String {
        var name = utsname()
        guard uname(&name) == 0 else { return "Linux" }
        return "\(text(of: name.sysname)) \(text(of: name.machine))"
    }

    /// The compiler in the form that user agents have: "swift/6.3".
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
