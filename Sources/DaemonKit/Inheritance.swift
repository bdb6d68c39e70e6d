internal import CLinux
public import Configuration
internal import FoundationEssentials
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
        let json = try JSONEncoder().encode(self)
        guard writeWhole(json, to: descriptor) else {
            let code = errno
            close(descriptor)
            throw InheritanceError.noMemoryFile(code)
        }
        return descriptor
    }

    /// Takes what the supervisor left at descriptors 3 and 4. Ends the process with a word to the user when there is
    /// nothing: such programs are not started by hand.
    public static func take(program: String) -> Inheritance {
        do {
            // From the start, not from where the supervisor (or an earlier child) stopped: the offset is shared.
            guard lseek(settingsDescriptor, 0, SEEK_SET) == 0 else { throw InheritanceError.notInherited }
            guard let json = readWhole(settingsDescriptor) else { throw InheritanceError.notInherited }
            close(settingsDescriptor)
            let inheritance = try JSONDecoder().decode(Inheritance.self, from: json)
            for socket in inheritance.sockets { _ = fcntl(socket, F_SETFD, FD_CLOEXEC) }
            // Belt and braces: the lifeline says the same, but only to a loop that turns.
            _ = clinux_set_parent_death_signal(SIGTERM)
            return inheritance
        } catch {
            _ = writeWhole(
                Data("\(program) is started by millrace, not by hand. Try: millrace --help\n".utf8), to: STDERR_FILENO)
            ExitCode.usage.exit()
        }
    }
}

// Two loops instead of FileHandle: that one would bring all of Foundation, 45 MB in each of the four programs.

/// False when not all of it could be written; `errno` says why.
private func writeWhole(_ data: Data, to descriptor: Int32) -> Bool {
    data.withUnsafeBytes { bytes in
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}

/// Everything up to the end of the file; nil when it cannot be read.
private func readWhole(_ descriptor: Int32) -> Data? {
    var data = Data()
    var chunk = [UInt8](repeating: 0, count: 64 * 1024)
    while true {
        let count = read(descriptor, &chunk, chunk.count)
        if count == 0 { return data }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return nil }
        data.append(contentsOf: chunk.prefix(count))
    }
}

private enum InheritanceError: Error {
    case notInherited
    case noMemoryFile(Int32)
}
