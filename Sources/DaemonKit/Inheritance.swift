internal import CLinux
public import Configuration
internal import Foundation
internal import Glibc

/// What the supervisor hands to a child: a value of settings and open descriptors, nothing by name.
///
/// Descriptor 3 is the `Lifeline`, descriptor 4 a memory file with this value as JSON, from 5 on the listening sockets
/// of the shard in the order of `Settings.binds`.
public struct Inheritance: Codable, Sendable {
    public static let settingsDescriptor: Int32 = 4
    public static let firstSocketDescriptor: Int32 = 5

    public var settings: Settings
    /// The shard's number; nil for the collector and the gateway.
    public var shard: Int?
    /// How many listening sockets follow from descriptor 5 on.
    public var socketCount: Int
    /// True when log lines are to be JSON objects.
    public var logsJSON: Bool
    /// When the service started, in milliseconds since 1970: children restart, the service's uptime does not.
    public var serviceStartedAt: UInt64

    public init(settings: Settings, shard: Int?, socketCount: Int, logsJSON: Bool, serviceStartedAt: UInt64) {
        self.settings = settings
        self.shard = shard
        self.socketCount = socketCount
        self.logsJSON = logsJSON
        self.serviceStartedAt = serviceStartedAt
    }

    /// The descriptors of the listening sockets.
    public var sockets: [Int32] {
        (0..<Int32(socketCount)).map { Inheritance.firstSocketDescriptor + $0 }
    }

    /// Writes the value into a new memory file, ready to be inherited as descriptor 4. The caller closes it.
    public func memoryFile() throws -> Int32 {
        let descriptor = clinux_memory_file("millrace-settings")
        guard descriptor >= 0 else { throw InheritanceError.noMemoryFile(errno) }
        // It holds secrets: only the child it is handed to explicitly shall have it.
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: false)
        try file.write(contentsOf: JSONEncoder().encode(self))
        return descriptor
    }

    /// Takes what the supervisor left at descriptors 3 and 4. Ends the process with a word to the user when there is
    /// nothing: such programs are not started by hand.
    public static func take(program: String) -> Inheritance {
        do {
            // From the start, not from where the supervisor (or an earlier child) stopped: the offset is shared.
            guard lseek(settingsDescriptor, 0, SEEK_SET) == 0 else { throw InheritanceError.notInherited }
            let file = FileHandle(fileDescriptor: settingsDescriptor, closeOnDealloc: true)
            guard let data = try file.readToEnd() else { throw InheritanceError.notInherited }
            let inheritance = try JSONDecoder().decode(Inheritance.self, from: data)
            for socket in inheritance.sockets { _ = fcntl(socket, F_SETFD, FD_CLOEXEC) }
            // Belt and braces: the lifeline says the same, but only to a loop that turns.
            _ = clinux_set_parent_death_signal(SIGTERM)
            return inheritance
        } catch {
            FileHandle.standardError.write(
                Data("\(program) is started by millrace, not by hand. Try: millrace --help\n".utf8))
            ExitCode.usage.exit()
        }
    }
}

private enum InheritanceError: Error {
    case notInherited
    case noMemoryFile(Int32)
}
