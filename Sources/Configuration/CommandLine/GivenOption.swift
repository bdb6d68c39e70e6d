/// An option of a command line. The order of options matters: `-o a -u x -o b` sets user x for pool a and none for pool
/// b.
public struct GivenOption: Codable, Sendable, Equatable {
    /// The long name without dashes, as in `KnownOption.name`.
    public var name: String
    /// nil for options without a value.
    public var value: String?

    public init(_ name: String, _ value: String? = nil) {
        self.name = name
        self.value = value
    }
}
