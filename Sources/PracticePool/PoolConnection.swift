internal import EventLoop
internal import StratumProtocol

/// A client's TCP connection: its session and its incomplete line.
final class PoolConnection: TCPStream {
    let client: UInt32
    private unowned let server: PoolServer
    var framer = LineFramer(lineBytesMax: LineFramer.minerLineBytesMax)
    var session: PoolSession

    init(on loop: Loop, client: UInt32, session: PoolSession, server: PoolServer) {
        self.client = client
        self.session = session
        self.server = server
        super.init(on: loop)
    }

    override func didConnect(_ failure: SystemFailure?) {
        guard failure == nil else { return server.ended(self) }
        startReading()
    }

    override func didReceive(_ chunk: UnsafeRawBufferPointer) {
        chunk.withMemoryRebound(to: UInt8.self) { server.received($0.span, from: self) }
    }

    override func didEnd(_ end: StreamEnd) {
        server.ended(self)
    }
}
