internal import EventLoop
internal import StratumProtocol

/// A miner's TCP connection.
final class MinerConnection: TCPStream {
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
        super.init(on: loop)
    }

    var index: Int { Int(id.index) }

    override func didConnect(_ failure: SystemFailure?) {
        if let failure { return swarm.couldNotConnect(self, failure) }
        startReading()
        swarm.connected(self)
    }

    override func didReceive(_ chunk: UnsafeRawBufferPointer) {
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

    override func didEnd(_ end: StreamEnd) {
        swarm.lost(self)
    }
}
