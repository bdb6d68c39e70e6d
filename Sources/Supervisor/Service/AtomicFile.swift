internal import EventLoop
internal import Glibc

/// Replaces a file atomically: a reader sees the old file or the new one, also after a crash.
enum AtomicFile {
    /// Creates a file with mode 0600. An existing file of that name is replaced.
    static func create(_ path: String, with bytes: [UInt8]) throws(SystemFailure) {
        try write(bytes, inPlaceOf: path, like: nil)
    }

    /// Writes a temporary file beside the target, syncs it, and renames it over the target. Mode and owner are kept. A
    /// symbolic link is kept; the file it points to is replaced.
    static func replace(_ path: String, with bytes: [UInt8]) throws(SystemFailure) {
        guard let resolved = realpath(path, nil) else { throw SystemFailure(code: -errno) }
        defer { free(resolved) }
        let target = String(cString: resolved)
        var status = stat()
        guard stat(target, &status) == 0 else { throw SystemFailure(code: -errno) }
        try write(bytes, inPlaceOf: target, like: status)
    }

    /// - Parameter model: the file whose mode and owner are copied.
    private static func write(_ bytes: [UInt8], inPlaceOf target: String, like model: stat?) throws(SystemFailure) {
        let directory = String(target[..<(target.lastIndex(of: "/") ?? target.startIndex)]) + "/"
        let temporary = "\(target).new-\(getpid())"
        // An earlier process with the same id may have left a temporary file.
        unlink(temporary)
        let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw SystemFailure(code: -errno) }
        defer { close(file) }
        do throws(SystemFailure) {
            try write(bytes, to: file)
            if let model {
                let isOwn = model.st_uid == geteuid() && model.st_gid == getegid()
                try check(isOwn ? 0 : fchown(file, model.st_uid, model.st_gid))
                try check(fchmod(file, model.st_mode & 0o7777))
            }
            try check(fsync(file))
            try check(rename(temporary, target))
        } catch {
            unlink(temporary)
            throw error
        }
        // Makes the rename durable. A failure here does not undo the replacement.
        let parent = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard parent >= 0 else { return }
        fsync(parent)
        close(parent)
    }

    private static func write(_ bytes: [UInt8], to file: Int32) throws(SystemFailure) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(file, $0.baseAddress.map { $0 + written }, bytes.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw SystemFailure(code: count == 0 ? -ENOSPC : -errno) }
            written += count
        }
    }

    private static func check(_ result: Int32) throws(SystemFailure) {
        if result != 0 { throw SystemFailure(code: -errno) }
    }
}
