internal import FoundationEssentials
internal import Glibc
internal import Linux

/// Passes a value to another program: JSON in an anonymous memory file. The value may contain secrets.
public enum MemoryFile {
    /// - Returns: a close-on-exec descriptor, so that only a program that gets it explicitly inherits it. The caller
    ///   closes it.
    public static func write(_ value: some Encodable, name: String) throws -> Int32 {
        let descriptor = try SharedMemory.makeFile(name: name)
        guard let json = try? JSONEncoder().encode(value), writeWhole(json, to: descriptor) else {
            let failure = SystemCallFailure("write \(name)", code: errno)
            close(descriptor)
            throw failure
        }
        return descriptor
    }

    /// Leaves the descriptor open.
    public static func read<Value: Decodable>(_ type: Value.Type, from descriptor: Int32) throws -> Value {
        // The file offset is shared with the writer and earlier readers.
        guard lseek(descriptor, 0, SEEK_SET) == 0, let json = readWhole(descriptor) else {
            throw MemoryFileError.nothingThere
        }
        return try JSONDecoder().decode(type, from: json)
    }

    // Two loops instead of FileHandle, which would load all of Foundation: 45 MB in each of the four programs.

    /// False when the data could not be written completely; `errno` has the reason.
    private static func writeWhole(_ data: Data, to descriptor: Int32) -> Bool {
        data.withUnsafeBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                rest = rest.dropFirst(count)
            }
            return true
        }
    }

    /// The whole file; nil when it cannot be read.
    private static func readWhole(_ descriptor: Int32) -> Data? {
        var data = Data()
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count == 0 { return data }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return nil }
            data.append(contentsOf: chunk.prefix(count))
        }
    }
}

enum MemoryFileError: Error {
    case nothingThere
}
