/// "1 shard", "2 shards": a number with its noun, for lines that people read.
/// - Parameter noun: of one, with a plural in "s".
public func counted(_ number: some BinaryInteger, _ noun: String) -> String {
    number == 1 ? "1 \(noun)" : "\(number) \(noun)s"
}
