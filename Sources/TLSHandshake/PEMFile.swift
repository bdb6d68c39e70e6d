internal import COpenSSL
internal import Glibc

/// What identifies the content of a file without reading it. Equal stamps: the file has not changed.
public struct FileStamp: Equatable, Sendable {
    let device: UInt64
    let inode: UInt64
    let byteCount: Int64
    let modifiedSeconds: Int64
    let modifiedNanoseconds: Int64
    /// Not content, but a finding depends on it.
    let mode: UInt32

    init(_ status: stat) {
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        byteCount = Int64(status.st_size)
        modifiedSeconds = Int64(status.st_mtim.tv_sec)
        modifiedNanoseconds = Int64(status.st_mtim.tv_nsec)
        mode = status.st_mode
    }

    /// Nil when the file cannot be examined.
    init?(path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        self.init(status)
    }
}

/// The bytes of a PEM file. They are wiped, because they may contain a private key.
struct PEMFile: ~Copyable {
    /// The file in messages: `certificate file /etc/millrace/cert.pem`.
    let name: String
    let stamp: FileStamp
    private let bytes: UnsafeMutableRawBufferPointer

    /// - Parameter role: the first words of its name, such as `certificate file`.
    init(_ path: String, role: String) throws(ContextFailure) {
        let name = "\(role) \(path)"
        // A FIFO must not block; it is refused below.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else {
            let reason = errno
            throw ContextFailure(
                reason == ENOENT ? "\(name) does not exist" : "\(name) cannot be read: \(PEMFile.words(reason))")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw ContextFailure("\(name) cannot be read: \(PEMFile.words(errno))")
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw ContextFailure("\(name) is not a regular file") }
        guard status.st_size > 0 else { throw ContextFailure("\(name) is empty") }
        guard status.st_size <= Limits.fileBytesMax else {
            throw ContextFailure("\(name) has \(status.st_size) bytes, at most \(Limits.fileBytesMax) are read")
        }

        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(status.st_size), alignment: 1)
        var count = 0
        while count < bytes.count {
            let result = Glibc.read(descriptor, bytes.baseAddress! + count, bytes.count - count)
            if result < 0, errno == EINTR { continue }
            guard result > 0 else {
                // A writer that truncates and writes in place is at work.
                let reason = result < 0 ? PEMFile.words(errno) : "it became shorter while it was read"
                PEMFile.wipe(bytes)
                throw ContextFailure("\(name) cannot be read: \(reason)")
            }
            count += result
        }
        guard PEMFile.find("-----BEGIN ", in: bytes) else {
            // A sequence of ASN.1, of the length of the file or of a length that needs more than one byte.
            let isDER = bytes.count > 2 && bytes[0] == 0x30 && (bytes[1] >= 0x80 || bytes[1] == bytes.count - 2)
            PEMFile.wipe(bytes)
            throw ContextFailure(
                isDER
                    ? "\(name) is not PEM but looks like DER; convert it with openssl -inform DER"
                    : "\(name) is not PEM: it has no line that starts with -----BEGIN")
        }
        self.name = name
        stamp = FileStamp(status)
        self.bytes = bytes
    }

    deinit { PEMFile.wipe(bytes) }

    /// Lets OpenSSL read the content from its beginning.
    borrowing func read<Result>(_ body: (OpaquePointer?) -> Result) -> Result {
        let bio = BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count))
        defer { BIO_free(bio) }
        return body(bio)
    }

    borrowing func contains(_ text: StaticString) -> Bool { PEMFile.find(text, in: bytes) }

    private static func find(_ text: StaticString, in bytes: UnsafeMutableRawBufferPointer) -> Bool {
        let wanted = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        return bytes.indices.contains { bytes[$0] == wanted[0] && bytes[$0...].starts(with: wanted) }
    }

    private static func wipe(_ bytes: UnsafeMutableRawBufferPointer) {
        OPENSSL_cleanse(bytes.baseAddress, bytes.count)
        bytes.deallocate()
    }

    static func words(_ code: Int32) -> String { String(cString: strerror(code)) }
}
