public import Foundation

/// A folder of recorded bytes. `script/golden` rewrites those that differ from what the code makes.
public struct GoldenFiles: Sendable {
    public let directory: URL

    /// - Parameter path: from the root of the repository.
    public init(_ path: String) { directory = Checkout.root.appending(path: path) }

    /// Whether the tests rewrite the files instead of comparing with them.
    public static var areUpdated: Bool { ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] != nil }

    public func file(_ name: String) -> URL { directory.appending(path: name) }

    /// Sorted.
    public func names(withExtension suffix: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory.path).filter { $0.hasSuffix("." + suffix) }
            .sorted()
    }

    public func text(_ name: String) throws -> String { try String(contentsOf: file(name), encoding: .utf8) }

    /// The text of the file that is to equal `text`. With UPDATE_GOLDEN it is written first: `git diff` then shows what has changed.
    public func expected(_ name: String, for text: String) throws -> String {
        if GoldenFiles.areUpdated { try Data(text.utf8).write(to: file(name), options: .atomic) }
        return try self.text(name)
    }
}
