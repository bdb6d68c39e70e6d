/// A number with its noun, for messages: "1 shard", "2 shards".
/// - Parameter noun: singular, with a plural in "s".
public func counted(_ number: some BinaryInteger, _ noun: String) -> String {
    number == 1 ? "1 \(noun)" : "\(number) \(noun)s"
}
