@testable import Telemetry

extension BusSimulation {
    /// What a collector makes of the news: a page for each life of the shard, checked against what really happened.
    struct Books {
        var pages: [Page] = []
        /// The life that was begun last.
        var present: UInt64?
        var statistics: Statistics?
        /// The life that this collector has heard of first, as long as it knows no other.
        private var first: Int?

        /// One life of the shard, as heard.
        struct Page {
            /// How far the stream has been followed.
            var next: UInt64 = 0
            var letThrough: UInt64 = 0
            var lost: UInt64 = 0
            /// Over before the collector came.
            var history: UInt64 = 0
            /// Everything before was let through or may be missing.
            var lostUpTo: UInt64 = 0
            var hasBegun = false
            var hasLossOfUnknownSize = false
            var heardLastWord = false
            var counted = ShareCounters()
        }

        init(statistics: Statistics? = nil) {
            self.statistics = statistics
        }

        var total: (accepted: UInt64, lost: UInt64, replayed: UInt64) {
            pages.reduce((0, 0, 0)) { ($0.0 + $1.counted.accepted, $0.1 + $1.lost, $0.2 + $1.letThrough) }
        }

        mutating func enter(
            _ news: SequenceGate.Delivery, _ message: BusMessage, lives: [Life], _ violations: inout [String]
        ) {
            while pages.count < lives.count { pages.append(Page()) }
            switch news {
            case .epochBegan(let epoch):
                let page = Int(epoch.low) - 1
                if pages[page].hasBegun { violations.append("epoch \(epoch.low) has begun twice") }
                if pages.allSatisfy({ !$0.hasBegun }) { first = page }
                pages[page].hasBegun = true
                present = epoch.low
            case .events(let epoch, let events):
                enter(events, Int(epoch.low) - 1, lives, &violations)
            case .lost(let epoch, 0):
                let page = Int(epoch.low) - 1
                if pages[page].heardLastWord { violations.append("nothing is missing behind a last word") }
                if page == lives.count - 1 { violations.append("an epoch that lives was said to be over") }
                pages[page].hasLossOfUnknownSize = true
            case .lost(let epoch, let count):
                let page = Int(epoch.low) - 1
                pages[page].next += count
                pages[page].lost += count
                pages[page].lostUpTo = pages[page].next
                if pages[page].next > UInt64(lives[page].events.count) {
                    violations.append("more was lost than has happened")
                }
            case .liveMiners(let epoch, _):
                let page = Int(epoch.low) - 1
                guard case .liveMiners(let live) = message, live.epoch == epoch else { return }
                if live.from > pages[page].next {
                    if !isNew(page) { violations.append("what is missing was not called lost") }
                    pages[page].history = live.from - pages[page].next
                    pages[page].next = live.from
                }
            }
        }

        /// What was over before anything was heard is history.
        private func isNew(_ page: Int) -> Bool {
            page == first && pages[page].letThrough == 0 && pages[page].history == 0
        }

        private mutating func enter(
            _ events: ArraySlice<ShardEvent>, _ page: Int, _ lives: [Life], _ violations: inout [String]
        ) {
            let marks = events.map(\.mark)
            var range = Int(pages[page].next)..<Int(pages[page].next) + marks.count
            if isNew(page), let start = lives[page].events.firstIndex(of: marks[0]) {
                // A newcomer may take up the stream of a life that is over where it has first heard of it. What it has
                // called lost since then lies between.
                guard UInt64(start) >= pages[page].lost else {
                    return violations.append("more was lost than lies before what was heard")
                }
                pages[page].history = UInt64(start) - pages[page].lost
                range = start..<start + marks.count
            }
            if range.upperBound > lives[page].events.count || Array(lives[page].events[range]) != marks {
                violations.append("epoch \(page + 1): \(range) are not those that happened there")
                return
            }
            pages[page].next = UInt64(range.upperBound)
            pages[page].letThrough += UInt64(marks.count)
            for event in events {
                switch event {
                case .share(let share): pages[page].counted.count(share)
                case .joined: pages[page].counted.joined += 1
                case .checkpoint(let checkpoint):
                    _ = pages[page].counted.raise(to: checkpoint.counters)
                    if checkpoint.isLast { pages[page].heardLastWord = true }
                case .left, .poolError: break
                }
            }
        }

        // MARK: - What must hold in the end

        func faults(_ lives: [Life], losesNothing: Bool) -> [String] {
            var faults: [String] = []
            for (page, life) in zip(pages, lives) {
                if page.letThrough + page.lost + page.history != page.next {
                    faults.append("\(page.letThrough) + \(page.lost) + \(page.history) is not \(page.next)")
                }
                // Never more than there was; all of it, as soon as a checkpoint was heard that was told at the end.
                var most = life.counters
                if most.raise(to: page.counted) != ShareCounters() { faults.append("something was counted twice") }
                if page.heardLastWord, page.counted != life.counters { faults.append("the totals were not repaired") }
            }
            for (page, life) in zip(pages, lives).dropLast() where page.hasBegun || page.letThrough > 0 || page.lost > 0
            {
                if !page.heardLastWord, !page.hasLossOfUnknownSize, page.lost == 0 {
                    faults.append("a life ended unheard, and nobody was told")
                }
                if page.next < UInt64(life.events.count), page.heardLastWord {
                    faults.append("there was something behind the last word")
                }
            }
            guard let page = pages.last, let life = lives.last, pages.count == lives.count else {
                return faults + ["the present life is unknown"]
            }
            if page.next != UInt64(life.events.count) { faults.append("the present life is not heard to its end") }
            if page.counted != life.counters { faults.append("the totals of the present life are wrong") }
            if page.hasLossOfUnknownSize { faults.append("an unknown loss in a life that goes on") }
            if losesNothing, page.lost > 0 || page.history > 0 {
                faults.append("\(page.lost) lost, \(page.history) missed, and the ring had them all")
            }
            return faults + statisticsFaults(life)
        }

        private func statisticsFaults(_ life: Life) -> [String] {
            guard var statistics else { return [] }
            var faults: [String] = []
            let snapshot = statistics.snapshot(at: Statistics.Moment(time: .max / 2, monotonic: 0))
            if snapshot.results.accepted != total.accepted { faults.append("the fold has other totals") }
            if snapshot.shards[0].eventsLost != total.lost { faults.append("the fold has other losses") }
            if Int(snapshot.minersNow) != life.live.count { faults.append("other miners live in the fold") }
            for row in snapshot.workers {
                let connections = life.live.values.filter { $0.worker == row.name }.count
                if Int(row.connections) != connections { faults.append("a row has \(row.connections) connections") }
            }
            return faults
        }
    }
}
