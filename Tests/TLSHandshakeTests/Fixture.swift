import Foundation
import TLSHandshake
import TestSupport

extension Scratch {
    func path(of name: String) -> String { file(name).path }

    /// Unlike `write` not readable by others, which a key file must not be.
    func place(_ text: String, at name: String, mode: mode_t = 0o600) {
        _ = FileManager.default.createFile(atPath: path(of: name), contents: Data(text.utf8))
        chmod(path(of: name), mode)
    }

    func text(_ name: String) -> String {
        String(decoding: FileManager.default.contents(atPath: path(of: name)) ?? Data(), as: UTF8.self)
    }

    func openssl(_ arguments: String) throws { _ = try shell("cd \(path) && openssl " + arguments) }
}

struct ShellFailure: Error { let output: String }

@discardableResult
func shell(_ command: String) throws -> String {
    let run = try Command(URL(filePath: "/bin/sh"), ["-c", "exec </dev/null; { \(command); } 2>&1"])
    guard run.code == 0 else { throw ShellFailure(output: run.output) }
    return run.output
}

func isInstalled(_ program: String) -> Bool { (try? shell("command -v \(program)")) != nil }

var now: Int64 { Int64(time(nil)) }

/// A generated pair, for all tests that do not care.
struct UsualPair: @unchecked Sendable {
    static let shared = UsualPair()
    private let scratch = Scratch()
    var settings: ServerContext.Settings {
        ServerContext.Settings(certificateFile: scratch.path(of: "cert.pem"), keyFile: scratch.path(of: "key.pem"))
    }

    private init() {
        _ = try? GeneratedPair.make(
            name: nil, certificateFile: scratch.path(of: "cert.pem"), keyFile: scratch.path(of: "key.pem"), now: now)
        // It is never freed.
        atexit { try? FileManager.default.removeItem(atPath: UsualPair.shared.scratch.path) }
    }
}

func usualServer(
    protocols: String? = nil, ciphers: String? = nil, ciphersuites: String? = nil
) throws -> ServerContext {
    var settings = UsualPair.shared.settings
    settings.protocols = protocols
    settings.ciphers = ciphers
    settings.ciphersuites = ciphersuites
    return try ServerContext(settings, now: now)
}

/// Two handshakes that talk to each other in memory.
struct Conversation {
    let server: Handshake
    let client: Handshake
    var serverState = HandshakeState.ongoing
    var clientState = HandshakeState.ongoing
    /// What was written to an end whose handshake was over, and not taken by it.
    var behindServer: [UInt8] = []
    var behindClient: [UInt8] = []
    var flightsToServer: [[UInt8]] = []
    var flightsToClient: [[UInt8]] = []

    /// - Parameter chunk: bytes that arrive at once.
    init(_ server: ServerContext, _ client: ClientContext, host: String = "localhost", chunk: Int = .max) {
        self.server = Handshake(server: server)!
        self.client = Handshake(client: client, host: host)!
        let start = self.client.start()
        clientState = start.state
        var toServer = start.output
        var toClient: [UInt8] = []
        while !toServer.isEmpty || !toClient.isEmpty {
            if !toServer.isEmpty { flightsToServer.append(toServer) }
            deliver(&toServer, to: self.server, chunk: chunk, &serverState, &behindServer, answer: &toClient)
            if !toClient.isEmpty { flightsToClient.append(toClient) }
            deliver(&toClient, to: self.client, chunk: chunk, &clientState, &behindClient, answer: &toServer)
        }
    }

    private func deliver(
        _ bytes: inout [UInt8], to end: Handshake, chunk: Int, _ state: inout HandshakeState, _ behind: inout [UInt8],
        answer: inout [UInt8]
    ) {
        while !bytes.isEmpty {
            guard case .ongoing = state else {
                behind += bytes
                bytes = []
                return
            }
            let step = end.receive(Array(bytes.prefix(chunk)))
            bytes.removeFirst(min(chunk, bytes.count))
            state = step.state
            answer += step.output
        }
    }
}

extension HandshakeState {
    var isOngoing: Bool { if case .ongoing = self { true } else { false } }
    var session: SecuredSession? { if case .secured(let session) = self { session } else { nil } }
    var stream: TLSStream? { if case .streaming(let stream, _) = self { stream } else { nil } }
    var failure: HandshakeFailure? { if case .failed(let failure) = self { failure } else { nil } }
}
