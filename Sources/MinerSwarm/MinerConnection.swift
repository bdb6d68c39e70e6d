internal import EventLoop
internal import PracticeTLS
internal import StratumProtocol

/// A miner's connection.
final class MinerConnection: SecureStream {
    let id: ConnectionID
    let startedNanos: UInt64
    private unowned let swarm: Swarm
    private var framer = LineFramer(lineBytesMax: LineFramer.minerLineBytesMax)
    var miner = SimulatedMiner()
    /// It disconnects as soon as its last share is answered.
    var isLeaving = false
    /// The part of a job that it works on while it is connected.
    var part: NonceWatch.Part?
    /// The same job as bytes to hash, with real hashes only.
    var work: HashingWork?
    /// A hash for one of its nonces is being computed.
    var isSearching = false

    init(on loop: Loop, id: ConnectionID, startedNanos: UInt64, swarm: Swarm) {
        self.id = id
        self.startedNanos = startedNanos
        self.swarm = swarm
        super.init(on: loop, security: swarm.settings.security)
    }

    var index: Int { Int(id.index) }

    override func didOpen(_ failure: OpeningFailure?) {
        switch failure {
        case nil: swarm.connected(self)
        case .connection(let failure): swarm.couldNotConnect(self, failure)
        case .handshake: swarm.couldNotSecure(self)
        }
    }

    override func didReceive(plaintext chunk: UnsafeRawBufferPointer) {
        do {
            try chunk.withMemoryRebound(to: UInt8.self) { bytes in
                _ = try framer.feed(bytes.span) { line in
                    swarm.received(line, from: self)
                    return !isClosed
                }
            }
        } catch {
            swarm.foundFault(.lineTooLong, of: self)
        }
    }

    override func didFinish() {
        swarm.lost(self)
    }
}
