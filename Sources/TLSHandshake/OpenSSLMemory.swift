internal import COpenSSL

/// The memory that OpenSSL gives back.
public enum OpenSSLMemory {
    /// Makes OpenSSL wipe the objects of connections that it frees, in the whole process. OpenSSL 3.0 wipes keys by
    /// itself, but `SSL_free` leaves the secrets of TLS 1.3 in the freed block until the block is used again.
    ///
    /// - Returns: false when it is too late: it must be the first use of OpenSSL in the process.
    public static func wipeWhenFreed() -> Bool { cossl_wipe_freed_memory() == 1 }

    /// Overwrites bytes with zeros; the compiler does not leave it out.
    public static func wipe(_ bytes: UnsafeMutableRawBufferPointer) { OPENSSL_cleanse(bytes.baseAddress, bytes.count) }

    /// "3.0.19"
    public static var libraryVersion: String {
        OpenSSL_version(OPENSSL_VERSION_STRING).map { String(cString: $0) } ?? ""
    }
}
