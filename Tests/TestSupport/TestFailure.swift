import Foundation

/// Why a test cannot go on: no descriptor, no port, no process, or another answer than the one that its next line reads.
public struct TestFailure: Error, CustomStringConvertible {
    public let description: String

    public init(_ reason: String, file: StaticString = #fileID, line: UInt = #line) {
        description = "\(reason) (\(file):\(line))"
    }

    /// - Parameter action: what was tried; the present errno says why it failed.
    static func system(_ action: String, file: StaticString = #fileID, line: UInt = #line) -> TestFailure {
        TestFailure("cannot \(action): \(String(cString: strerror(errno)))", file: file, line: line)
    }
}
