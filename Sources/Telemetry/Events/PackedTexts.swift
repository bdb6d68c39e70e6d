// Texts in the saved state of a shard. Most miners have the agent, wallet, … of another one, so each text is written
// once and afterwards referred to by its number.

struct TextPacker {
    private var numbers: [String: UInt64] = [:]

    /// Writes 0 and the text, or 1 + the number of an earlier equal text.
    mutating func pack(_ text: String, bytesMax: Int, to writer: inout ByteWriter) {
        if let number = numbers[text] {
            writer.packed(1 + number)
        } else {
            numbers[text] = UInt64(numbers.count)
            writer.packed(0)
            writer.text(text, bytesMax: bytesMax)
        }
    }
}

struct TextUnpacker {
    private var texts: [String] = []

    mutating func text(from reader: inout ByteReader, bytesMax: Int) throws(DecodingFailure) -> String {
        let number = try reader.packed()
        guard number > 0 else {
            let text = try reader.text(bytesMax: bytesMax)
            texts.append(text)
            return text
        }
        guard number <= UInt64(texts.count) else { throw .invalidField }
        let text = texts[Int(number) - 1]
        guard text.utf8.count <= bytesMax else { throw .tooLong }
        return text
    }
}
