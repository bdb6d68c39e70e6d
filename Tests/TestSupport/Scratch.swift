public import Foundation

/// A directory of one test, removed with the value that holds it.
public final class Scratch: Sendable {
    public let path: String
    public var url: URL { URL(filePath: path) }

    /// In /tmp, under a short name: the path of a socket has 107 bytes at most.
    public init() {
        var template = Array("/tmp/millrace-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template).map({ String(cString: $0) }) else {
            fatalError("cannot make a directory in /tmp: \(String(cString: strerror(errno)))")
        }
        path = made
    }

    deinit {
        // A test may have taken our rights away.
        chmod(path, 0o700)
        try? FileManager.default.removeItem(atPath: path)
    }

    public func file(_ name: String) -> URL { url.appending(path: name) }

    /// Writes a file, atomically.
    /// - Returns: its path.
    @discardableResult
    public func write(_ text: String, to name: String) throws -> String {
        try Data(text.utf8).write(to: file(name), options: .atomic)
        return file(name).path
    }
}
