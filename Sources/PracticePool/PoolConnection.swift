internal import EventLoop
internal import PracticeTLS
internal import StratumProtocol

/// A client's connection: its session and its incomplete line.
final class PoolConnection: SecureStream {
    let client: UInt32
    private unowned let server: PoolServer
    var framer = LineFramer(lineBytesMax: LineFramer.minerLineBytesMax)
    var session: PoolSession

    init(on loop: Loop, security: Security?, client: UInt32, session: PoolSession, server: PoolServer) {
        self.client = client
        self.session = session
        self.server = server
        super.init(on: loop, security: security)
    }

    override func didOpen(_ failure: OpeningFailure?) {
        if failure != nil { server.ended(self) }
    }

    override func didReceive(plaintext chunk: UnsafeRawBufferPointer) {
        chunk.withMemoryRebound(to: UInt8.self) { server.received($0.span, from: self) }
    }

    override func didFinish() {
        server.ended(self)
    }
}
