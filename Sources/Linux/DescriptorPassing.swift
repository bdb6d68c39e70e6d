internal import CLinux

/// Descriptors that travel with bytes over a connected Unix socket (SCM_RIGHTS).
public enum DescriptorPassing {
    /// Sends bytes, and duplicates of the descriptors with the first of them. Neither waits nor raises SIGPIPE.
    /// - Returns: false when not all of the bytes went; if none did, no descriptor did either.
    public static func send(_ bytes: [UInt8], passing descriptors: [Int32], to socket: Int32) -> Bool {
        clinux_send_passing(socket, bytes, bytes.count, descriptors, Int32(descriptors.count)) == bytes.count
    }

    /// Like read(2), and appends the descriptors that arrive with the bytes (close-on-exec) to `descriptors`. The kernel closes those
    /// beyond `CLINUX_PASSED_MAX` of one read.
    /// - Returns: the number of bytes, 0 at the end of the stream, -1 with errno.
    public static func read(
        _ socket: Int32, into bytes: UnsafeMutableRawBufferPointer, passed descriptors: inout [Int32]
    ) -> Int {
        var passed = [Int32](repeating: -1, count: Int(CLINUX_PASSED_MAX))
        var passedCount: Int32 = 0
        let count = clinux_receive_passing(socket, bytes.baseAddress, bytes.count, &passed, &passedCount)
        if count >= 0 { descriptors += passed.prefix(Int(passedCount)) }
        return count
    }
}
