import Foundation
import TLSHandshake

/// A listening socket on 127.0.0.1, and what comes to it.
final class Listener {
    private let descriptor: Int32
    let port: UInt16

    init() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.descriptor = descriptor
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && listen(descriptor, 8) == 0 && getsockname(descriptor, $0, &size) == 0
            }
        }
        port = UInt16(bigEndian: address.sin_port)
        guard result else { throw ShellFailure(output: "no listening socket") }
    }

    deinit { close(descriptor) }

    func accept() throws -> Socket {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, Socket.patienceMillis) == 1 else { throw ShellFailure(output: "no connection") }
        return Socket(Glibc.accept(descriptor, nil, nil))
    }
}

/// A blocking connection that gives up after a while.
final class Socket {
    static let patienceMillis: Int32 = 20_000
    private let descriptor: Int32

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    init(connectingTo port: UInt16) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.descriptor = descriptor
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        address.sin_port = port.bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw ShellFailure(output: "cannot connect") }
    }

    deinit { close(descriptor) }

    func send(_ bytes: [UInt8]) {
        var sent = 0
        while sent < bytes.count {
            let result = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard result > 0 else { return }
            sent += result
        }
    }

    /// Empty at the end of the stream.
    func receive(atMost count: Int = 65_536) throws -> [UInt8] {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, Socket.patienceMillis) == 1 else { throw ShellFailure(output: "peer is silent") }
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = max(0, recv(descriptor, buffer.baseAddress, count, 0))
        }
    }

    /// - Parameter chunk: bytes that are read at once.
    func finish(_ handshake: Handshake, chunk: Int = 65_536) throws -> HandshakeState {
        var step = handshake.start()
        while true {
            send(step.output)
            guard step.state.isOngoing else { return step.state }
            let bytes = try receive(atMost: chunk)
            guard !bytes.isEmpty else { throw ShellFailure(output: "peer closed the connection during the handshake") }
            step = handshake.receive(bytes)
        }
    }

    /// The next record's content, read behind what is there already.
    func record(_ records: inout Records, after buffer: inout [UInt8]) throws -> (type: UInt8, text: String) {
        while true {
            if let (type, text) = records.open(&buffer) { return (type, String(decoding: text, as: UTF8.self)) }
            let bytes = try receive()
            guard !bytes.isEmpty else { throw ShellFailure(output: "end of stream, \(buffer.count) bytes left") }
            buffer += bytes
        }
    }
}

/// A program that runs beside the test.
final class ForeignProgram {
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()

    init(_ command: String, input text: String? = nil) throws {
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", "exec " + command + " 2>&1"]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        if let text { write(text) }
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    func write(_ text: String) { input.fileHandleForWriting.write(Data(text.utf8)) }

    /// Reads until `end` has been printed.
    func text(upTo end: String) -> String {
        var text = ""
        while !text.contains(end) {
            let data = output.fileHandleForReading.availableData
            guard !data.isEmpty else { return text }
            text += String(decoding: data, as: UTF8.self)
        }
        return text
    }

    /// The port that `openssl s_server -accept 127.0.0.1:0` has chosen.
    func acceptingPort() throws -> UInt16 {
        var printed = ""
        while true {
            let text = text(upTo: "\n")
            guard !text.isEmpty else { throw ShellFailure(output: printed) }
            printed += text
            let line = printed.split(separator: "\n").first { $0.hasPrefix("ACCEPT") }
            if let port = line.flatMap({ UInt16($0.split(separator: ":").last ?? "") }) { return port }
        }
    }

    /// All that it still prints, until it ends by itself.
    func rest() -> String {
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return text
    }
}
