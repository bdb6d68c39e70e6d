public import Foundation

/// Where the repository and its built programs are.
public enum Checkout {
    public static let root = URL(filePath: #filePath).appending(path: "../../..").standardized

    /// Where `swift build` has put the programs: beside the tests.
    public static let programs = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()

    public static func program(_ name: String) -> URL { programs.appending(path: name) }

    /// A text file of the repository, such as a page of the documentation.
    public static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }
}
