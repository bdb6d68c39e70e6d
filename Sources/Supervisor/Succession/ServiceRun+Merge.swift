internal import Continuity
internal import Logging
internal import Supervision

// The merge of a shard into another one (docs/decisions/0009).
extension ServiceRun {
    /// Asks the shard with the fewest miners to absorb this one, whose state is complete in its memory file.
    func give(_ name: ChildName) {
        var miners: Int?
        if case .splitting(let splitting) = service.child(name)?.state { miners = splitting.miners }
        succession(of: name)?.ask(forPartOf: miners)
        guard case .shard(let number) = name, let departing = successions[number]?.departing(shard: number),
            let receiver, children[receiver]?.say(departing) == true
        else {
            receivers[name] = nil
            return perform(service.handle(.notMerged, of: name, at: now))
        }
        receivers[name] = receiver
        if let miners {
            log.debug("moving about \(miners) miners of \(name) to \(receiver)")
        } else {
            log.info("moving the miners of \(name) to \(receiver)")
        }
    }

    /// Sends a frozen process the part of it that another shard has absorbed; it waits for that.
    func release(_ name: ChildName) {
        guard case .shard(let number) = name, let part = successions[number]?.released?.part else { return }
        children[name]?.say(part)
    }

    private var receiver: ChildName? {
        service.occupiedShards.filter { name in
            guard case .ready = service.child(name)?.state else { return false }
            return succession(of: name) != nil
        }.min { (children[$0]?.load?.miners ?? 0) < (children[$1]?.load?.miners ?? 0) }
    }

    func hear(_ answer: ChildMessage.AbsorptionAnswer, by receiver: ChildName) {
        let shard = Int(answer.shard)
        let name = ChildName.shard(shard)
        guard receivers[name] == receiver, let succession = successions[shard], !succession.isAbsorbed,
            succession.isAbout(answer)
        else { return }
        if answer.isDone {
            succession.absorbed()
            rebalancing?.moves += 1
        }
        receivers[name] = nil
        perform(service.handle(answer.isDone ? .merged : .notMerged, of: name, at: now))
    }

    /// Repeats the merge offers to a new process: the process before it may have been killed before it read the offer
    /// or sent the answer. The receiver's state records what it has absorbed, so a repeated offer is safe.
    func giveAgain(to receiver: ChildName) {
        for (name, asked) in receivers where asked == receiver {
            guard case .shard(let number) = name, let departing = successions[number]?.departing(shard: number) else {
                continue
            }
            _ = children[receiver]?.say(departing)
        }
    }

    /// The receiver has failed and its state was discarded. The departing shard is frozen and still has everything.
    func giveToAnother(than receiver: ChildName) {
        for (name, asked) in receivers where asked == receiver { give(name) }
    }
}
