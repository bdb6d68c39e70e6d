internal import Configuration
internal import EventLoop
internal import Glibc

/// Polls a file for changes. `FileWatch` decides what a change is.
final class FileWatcher {
    private let path: String
    private let loop: Loop
    private let found: (FileWatch.Finding) -> Void
    private var watch: FileWatch
    private var timer: Timer?

    /// - Parameter found: called on the loop when the file has changed or is gone.
    init(on loop: Loop, path: String, found: @escaping (FileWatch.Finding) -> Void) {
        self.path = path
        self.loop = loop
        self.found = found
        watch = FileWatch(knowing: FileWatcher.identity(of: path))
        let timer = Timer(on: loop) { [unowned self] in look() }
        timer.unreference()
        self.timer = timer
        timer.start(after: UInt64(watch.pauseMillis))
    }

    /// Marks the present file as known: this process has read or written it.
    func know() { watch.know(FileWatcher.identity(of: path)) }

    func close() {
        timer?.close()
        timer = nil
    }

    private func look() {
        let now = Int64(loop.nanoseconds / 1_000_000)
        let finding = watch.look(at: FileWatcher.identity(of: path), now: now)
        timer?.start(after: UInt64(watch.pauseMillis))
        if finding != .nothing { found(finding) }
    }

    private static func identity(of path: String) -> FileWatch.Identity? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return FileWatch.Identity(
            device: UInt64(status.st_dev), inode: UInt64(status.st_ino), size: Int64(status.st_size),
            modified: nanoseconds(status.st_mtim), changed: nanoseconds(status.st_ctim))
    }

    private static func nanoseconds(_ time: timespec) -> Int64 {
        Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}
