internal import Control
internal import Glibc

/// The file of a program. Files with the same path or version are distinguished by device and inode.
struct ProgramFile: Equatable {
    /// The path as shown to the operator.
    let path: String
    private let device: dev_t
    private let inode: ino_t
    /// Milliseconds since 1970.
    let modifiedAt: UInt64

    /// The file at the path; nil when there is none.
    init?(at path: String) { self.init(path, found: path) }

    /// The file that a process executes, which may have been replaced at its path; nil when the system does not show
    /// it.
    static func of(process: pid_t, named path: String) -> ProgramFile? {
        ProgramFile(path, found: "/proc/\(process)/exe")
    }

    private init?(_ path: String, found: String) {
        var status = stat()
        guard stat(found, &status) == 0 else { return nil }
        self.path = path
        (device, inode) = (status.st_dev, status.st_ino)
        modifiedAt = UInt64(max(status.st_mtim.tv_sec, 0)) * 1_000 + UInt64(status.st_mtim.tv_nsec / 1_000_000)
    }

    func isSameFile(as other: ProgramFile) -> Bool { device == other.device && inode == other.inode }

    /// "/usr/bin/millrace (file of 2026-03-01 14:05:09)"
    var text: String { ProgramFile.text(path, version: nil, modifiedAt: modifiedAt) }

    static func text(_ path: String, version: String?, modifiedAt: UInt64) -> String {
        var seconds = time_t(modifiedAt / 1_000)
        var parts = tm()
        localtime_r(&seconds, &parts)
        var bytes = [CChar](repeating: 0, count: 32)
        let count = strftime(&bytes, bytes.count, "%Y-%m-%d %H:%M:%S", &parts)
        let time = String(decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return "\(path) (\(version.map { "Millrace \($0), " } ?? "")file of \(time))"
    }
}

extension ProgramStatus {
    /// "/usr/bin/millrace (Millrace 0.1.0, file of 2026-03-01 14:05:09)"
    var text: String { ProgramFile.text(path, version: version, modifiedAt: modifiedAt) }
}
