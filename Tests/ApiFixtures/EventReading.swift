package import ApiDocuments
internal import Foundation
package import Telemetry
import TestSupport

/// What a client of `/1/events` makes of the bytes, by the rules of Server-Sent Events.
package struct EventReading {
    package struct Event: Equatable {
        package var name: String
        package var id: String?
        package var data: String

        package var object: [String: Any] {
            (try? JSONSerialization.jsonObject(with: Data(data.utf8))) as? [String: Any] ?? [:]
        }
        package subscript(key: String) -> Int? { object[key] as? Int }
    }

    package private(set) var events: [Event] = []
    package private(set) var commentCount = 0
    package private(set) var retries: [String] = []
    private var rest = ""

    package init(_ text: String = "") { append(text) }

    package var lastID: String? { events.last { $0.id != nil }?.id }
    /// Without what comes once a second.
    package var told: [Event] { events.filter { $0.name != "summary" } }

    package mutating func append(_ text: String) {
        rest += text
        while let end = rest.firstRange(of: "\n\n") {
            appendBlock(String(rest[..<end.lowerBound]))
            rest = String(rest[end.upperBound...])
        }
    }

    private mutating func appendBlock(_ block: String) {
        var event = Event(name: "", id: nil, data: "")
        for line in block.split(separator: "\n") {
            let parts = line.split(separator: ": ", maxSplits: 1).map(String.init)
            switch parts[0] {
            case ":": commentCount += 1
            case "retry": retries.append(parts[1])
            case "event": event.name = parts[1]
            case "id": event.id = parts[1]
            case "data": event.data = parts[1]
            default: event.name = "not an event: \(line)"
            }
        }
        if !event.name.isEmpty { events.append(event) }
    }
}

package enum Stream {
    package static let epoch = Epoch(high: 0x0102_0304_0506_0708, low: 0x090a_0b0c_0d0e_0f10)
    package static let later = Epoch(high: 7, low: 9)
    package static let epochText = "0102030405060708090a0b0c0d0e0f10"

    package static func joined(_ key: MinerKey, _ worker: String? = "rig", shard: UInt16 = 0) -> MinerJoined {
        MinerJoined(
            key: key, worker: worker, ip: "192.0.2.7", agent: "XMRig/6.26.0", user: "user-of-\(worker ?? "nobody")",
            rigID: "r-1",
            shard: shard)
    }

    package static func share(_ miner: MinerKey, difficulty: UInt64 = 1_000) -> ShareSettled {
        ShareSettled(
            miner: miner, time: 1_795_305_600_000, outcome: .accepted, difficulty: difficulty,
            creditedDifficulty: difficulty, actualDifficulty: difficulty * 3, latencyMicroseconds: 86_400)
    }

    /// Records that tell their own number in the stream.
    package static func shares(_ range: Range<UInt64>) -> [FeedEvent] {
        range.map { .share(share(1, difficulty: $0), nil) }
    }

    package static func id(_ sequence: UInt64, of epoch: Epoch = Stream.epoch) -> EventID {
        EventID(epoch: epoch, sequence: sequence)
    }
}
