internal import CLinux
internal import Glibc

/// Memory that outlives its process: a shard's written state and the log of what has happened since.
///
/// A file in memory (memfd) that the supervisor keeps open, mapped by the shard's process. It has two halves; one is in
/// force. Each holds a *form* (the whole state as written at some moment) and a *log* that grows behind it. A new form goes into the half
/// that is not in force, and becomes the truth by one store of eight bytes; so a process may die at any instruction and leave a whole truth.
/// Both halves are far larger than what is used of them: pages cost memory when they are touched, and those of the half that
/// was left are given back.
///
/// | offset | bytes | field |
/// |---|---|---|
/// | 0 | 8 | "MillraSt" |
/// | 8 | 4 | layout version, 1 |
/// | 12 | 4 | 0 |
/// | 16 | 8 | in force: 0 = none yet, else generation × 2 + half |
/// | 24 | 8 | bytes of the form of half 0 |
/// | 32 | 8 | bytes of the form of half 1 |
/// | 4096 | `halfBytes` | half 0: the form, then, from the next multiple of 4096, the log |
/// | 4096 + `halfBytes` | `halfBytes` | half 1 |
public final class StateMemory {
    /// Room for one half: the form of 100,000 miners with a log of tens of megabytes. Untouched pages cost nothing.
    public static let halfBytes = 512 * 1024 * 1024
    static let headBytes = 4096
    static let layoutVersion: UInt32 = 1
    static let magic: [UInt8] = Array("MillraSt".utf8)
    /// The offsets of the head's fields.
    enum Field {
        static let version = 8
        static let inForce = 16
        static let formBytes = 24
    }

    private let descriptor: Int32
    private let memory: UnsafeMutableRawBufferPointer

    /// A new file, all zero; the caller hands it to the shards of one place, one after the other.
    public static func make(name: String) throws(HandoverFailure) -> Int32 {
        let descriptor = clinux_memory_file(name)
        guard descriptor >= 0 else { throw HandoverFailure("memory file", code: errno) }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        return descriptor
    }

    /// Maps the file. It stays mapped until the process ends.
    public init(descriptor: Int32) throws(HandoverFailure) {
        let length = StateMemory.headBytes + 2 * StateMemory.halfBytes
        guard let start = clinux_map_shared(descriptor, length) else { throw HandoverFailure("map", code: errno) }
        self.descriptor = descriptor
        memory = UnsafeMutableRawBufferPointer(start: start, count: length)
    }

    /// What an earlier process has left: nil when there is nothing, or nothing that this version can read.
    public struct Left {
        /// Counts the forms that were put in force. Descriptors in the form and the log are those of the process that wrote it.
        public let generation: UInt64
        public let form: UnsafeRawBufferPointer
        public let log: UnsafeRawBufferPointer
    }

    public var left: Left? {
        guard memory.prefix(8).elementsEqual(StateMemory.magic),
            memory.load(fromByteOffset: Field.version, as: UInt32.self) == StateMemory.layoutVersion
        else { return nil }
        let inForce = memory.load(fromByteOffset: Field.inForce, as: UInt64.self)
        guard inForce > 0 else { return nil }
        let half = Int(inForce & 1)
        let formBytes = memory.load(fromByteOffset: Field.formBytes + 8 * half, as: UInt64.self)
        guard formBytes <= UInt64(StateMemory.halfBytes - 2 * 4096) else { return nil }
        let start = StateMemory.headBytes + half * StateMemory.halfBytes
        let end = start + StateMemory.halfBytes
        let log = start + StateMemory.logOffset(formBytes: Int(formBytes))
        return Left(
            generation: inForce >> 1,
            form: UnsafeRawBufferPointer(rebasing: memory[start..<start + Int(formBytes)]),
            log: UnsafeRawBufferPointer(rebasing: memory[log..<end]))
    }

    /// Puts a new form in force.
    /// - Parameter form: must fit in `halfBytes` with room to spare, else nothing changes and nil is returned.
    /// - Returns: where its log grows: zero bytes, and more than any log needs.
    public func renew(with form: [UInt8]) -> UnsafeMutableRawBufferPointer? {
        let logOffset = StateMemory.logOffset(formBytes: form.count)
        guard logOffset <= StateMemory.halfBytes / 2 else { return nil }
        let before = isOurs ? memory.load(fromByteOffset: Field.inForce, as: UInt64.self) : 0
        let half = before == 0 ? 0 : 1 - Int(before & 1)
        let start = StateMemory.headBytes + half * StateMemory.halfBytes
        // What an earlier form left there: the log must begin as zeros.
        _ = clinux_release_pages(descriptor, off_t(start), off_t(StateMemory.halfBytes))
        form.withUnsafeBytes { memory[start..<start + form.count].copyBytes(from: $0) }
        memory.storeBytes(of: UInt64(form.count), toByteOffset: Field.formBytes + 8 * half, as: UInt64.self)
        if !isOurs {
            memory.storeBytes(of: StateMemory.layoutVersion, toByteOffset: Field.version, as: UInt32.self)
            memory[0..<8].copyBytes(from: StateMemory.magic)
        }
        let generation = (before >> 1) + 1
        // The one store that counts. A killed process has done all stores before it, in order as the reader sees them.
        memory.storeBytes(of: generation << 1 | UInt64(half), toByteOffset: Field.inForce, as: UInt64.self)
        if before > 0 {
            let old = StateMemory.headBytes + (1 - half) * StateMemory.halfBytes
            _ = clinux_release_pages(descriptor, off_t(old), off_t(StateMemory.halfBytes))
        }
        let log = start + logOffset
        return UnsafeMutableRawBufferPointer(rebasing: memory[log..<start + StateMemory.halfBytes])
    }

    /// Forgets everything: a successor begins anew.
    public func clear() {
        memory.storeBytes(of: 0, toByteOffset: Field.inForce, as: UInt64.self)
    }

    private var isOurs: Bool { memory.prefix(8).elementsEqual(StateMemory.magic) }

    private static func logOffset(formBytes: Int) -> Int { (formBytes + 4095) / 4096 * 4096 }
}
