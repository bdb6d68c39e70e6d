import Glibc

/// A tmpfs that is soon full. Only root may mount one.
public final class SmallDisk {
    private let scratch = Scratch()
    public var path: String { scratch.path }
    private var ballast: String { path + "/ballast" }

    /// - Parameter size: as mount(8) takes it, such as "8m".
    /// - Returns: nil where it cannot be mounted.
    public init?(_ size: String) {
        guard mount("tmpfs", scratch.path, "tmpfs", 0, "size=\(size)") == 0 else { return nil }
    }

    deinit { _ = umount2(path, Int32(MNT_DETACH)) }

    public func fill() {
        let descriptor = open(ballast, O_CREAT | O_WRONLY | O_CLOEXEC, 0o600)
        defer { close(descriptor) }
        let block = [UInt8](repeating: 0, count: 4_096)
        while write(descriptor, block, block.count) > 0 {}
    }

    public func empty() { unlink(ballast) }
}
