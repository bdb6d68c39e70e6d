import Testing

@testable import StratumProtocol

/// Fields that are written can be read, and nothing else.
struct BinaryCodingTests {
    private func written(_ body: (inout BinaryWriter) -> Void) -> [UInt8] {
        var bytes = [UInt8](repeating: 0xee, count: 4_096)
        var count = 0
        bytes.withUnsafeMutableBytes { buffer in
            var writer = BinaryWriter(into: buffer)
            body(&writer)
            #expect(writer.fits)
            count = writer.count
        }
        return Array(bytes[..<count])
    }

    /// What reading `bytes` gives, or the fault.
    private func read<Value>(
        _ bytes: [UInt8], _ body: (inout BinaryReader) throws(DecodingFault) -> Value
    ) -> Result<Value, DecodingFault> {
        bytes.withUnsafeBytes { buffer in
            var reader = BinaryReader(buffer)
            do throws(DecodingFault) {
                return .success(try body(&reader))
            } catch {
                return .failure(error)
            }
        }
    }

    private func fault<Value>(_ result: Result<Value, DecodingFault>) -> DecodingFault? {
        if case .failure(let fault) = result { fault } else { nil }
    }

    @Test func fieldsComeBackAsTheyWere() {
        let bytes = written { reader in
            reader.integer(UInt16(0x1234))
            reader.integer(Int64.min)
            reader.integer(ifGiven: UInt32?.none)
            reader.integer(ifGiven: UInt32(7))
            reader.flag(true)
            reader.text("käse")
            reader.text(ifGiven: nil)
            reader.text(ifGiven: "")
            reader.bytes(InlineBytes<64>("job") ?? InlineBytes())
        }
        #expect(bytes[0...1] == [0x34, 0x12])
        let numbers = read(bytes) { reader throws(DecodingFault) in
            let short: UInt16 = try reader.integer()
            let long: Int64 = try reader.integer()
            let none: UInt32? = try reader.integer(ifGiven: UInt32.self)
            let some: UInt32? = try reader.integer(ifGiven: UInt32.self)
            let flag = try reader.flag()
            let isEach = short == 0x1234 && long == .min && none == nil && some == 7 && flag
            let texts = [
                try reader.text(max: 5, "text"), try reader.text(ifGivenMax: 5, "text") ?? "none",
                try reader.text(ifGivenMax: 5, "text") ?? "none",
                (try reader.inlineBytes("id") as InlineBytes<64>).text,
            ]
            let later: UInt64 = try reader.laterInteger()
            return isEach && texts == ["käse", "none", "", "job"] && later == 0 && reader.remaining == 0
        }
        #expect(numbers == .success(true))
        #expect(fault(read([]) { reader throws(DecodingFault) in try reader.integer(UInt8.self) }) == .truncated)
    }

    @Test func whatDoesNotFitIsCountedAndNotWritten() {
        var memory: [UInt8] = Array(repeating: 0xee, count: 8)
        memory.withUnsafeMutableBytes { buffer in
            var writer = BinaryWriter(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<4]))
            writer.record { $0.text("longer than four") }
            #expect(!writer.fits)
            #expect(writer.count == 8 + 4 + 16)
        }
        #expect(memory == Array(repeating: 0xee, count: 8))
    }

    @Test func lengthsAreHeldAgainstTheirLimitsAndAgainstWhatIsThere() {
        let long = written { $0.text("four") }
        let lying: [UInt8] = [0xff, 0xff, 0xff, 0x7f, 1, 2]
        let flag: [UInt8] = [2]
        #expect(
            fault(read(long) { writer throws(DecodingFault) in try writer.text(max: 3, "text") }) == .badField("text"))
        #expect(fault(read(flag) { writer throws(DecodingFault) in try writer.flag() }) == .badField("flag"))
        #expect(
            fault(read(lying) { writer throws(DecodingFault) in try writer.bytes(max: .max, "x").count }) == .truncated)
        #expect(fault(read(lying) { writer throws(DecodingFault) in try writer.record().remaining }) == .truncated)
        let entries = read(lying) { writer throws(DecodingFault) in try writer.entryCount(max: .max, bytesMin: 1, "x") }
        #expect(fault(entries) == .truncated)
    }

    @Test func whatFollowsInARecordIsSkipped() {
        let bytes = written { writer in
            writer.record { writer in
                writer.integer(UInt8(1))
                writer.text("unknown")
            }
            writer.integer(UInt8(2))
        }
        let fields = read(bytes) { writer throws(DecodingFault) in
            var record = try writer.record()
            return [try record.integer(UInt8.self), try writer.integer(UInt8.self)]
        }
        #expect(fields == .success([1, 2]))
    }

    // MARK: - What comes from peers

    private func job() throws -> Job {
        for name in try Golden.names {
            let line = try Golden.line(name)
            let message = try? JSONParser().poolMessage(line.span, loginID: nil, assumed: AlgorithmName())
            if case .job(let job) = message { return job }
        }
        throw DecodingFault.missing("a golden job")
    }

    @Test func aJobComesBackAsItWas() throws {
        let job = try job()
        let bytes = written { job.encode(to: &$0) }
        #expect(read(bytes) { writer throws(DecodingFault) in try Job(decoding: &writer) } == .success(job))
    }

    @Test func aJobThatNoPoolMaySendIsNotReadEither() throws {
        let good = try job()
        let faults: [(String, (inout Job) -> Void)] = [
            ("job.id", { $0.id = JobID() }),
            ("job.blob", { $0.blob.removeLast(2 * ($0.blob.count / 2 - 43)) }),
            ("job.blob", { $0.blob[3] = 0x67 }),
            ("job.blob", { $0.blob.removeLast() }),
            ("job.target", { $0.target = Array("00000000".utf8) }),
            ("job.target", { $0.target = Array("0000000001".utf8) }),
            ("job.target", { $0.target = Array("000a7c5ac471b47g".utf8) }),
            ("job.seedHash", { $0.seedHash = Array("zz".utf8) }),
        ]
        for (name, damage) in faults {
            var job = good
            damage(&job)
            let bytes = written { job.encode(to: &$0) }
            let again = read(bytes) { writer throws(DecodingFault) in try Job(decoding: &writer) }
            #expect(self.fault(again) == .badField(name))
        }
    }

    @Test(arguments: [
        ("a \"job\" of é\\", "rx/0", "b88d0600"), (String(repeating: "j", count: 256), "foo/1", "cb10c7bab88d0600"),
        ("1", "", "b88d0600"),
    ])
    func aJobWithUnusualNamesComesBackAsItWas(id: String, algorithm: String, target: String) throws {
        var job = try job()
        job.id = name(id)
        job.algorithm = name(algorithm)
        job.target = Array(target.utf8)
        job.difficulty = 10_000
        let bytes = written { job.encode(to: &$0) }
        #expect(read(bytes) { writer throws(DecodingFault) in try Job(decoding: &writer) } == .success(job))
    }

    /// Programs before kept what a pool or an operator had written.
    @Test func anAliasInAnEncodedJobIsResolved() throws {
        let bytes = written { $0.bytes(InlineBytes<32>("RandomX") ?? InlineBytes()) }
        let read = read(bytes) { writer throws(DecodingFault) in try writer.algorithmName("name").text }
        #expect(read == .success("rx/0"))
    }

    @Test(arguments: [[0xff], [0x61, 0xc3], [UInt8](repeating: 0x61, count: 257)] as [[UInt8]])
    func aNameThatIsNoTextIsNotRead(bytes: [UInt8]) {
        let writer = written { $0.bytes(bytes) }
        let id = read(writer) { writer throws(DecodingFault) in try writer.opaqueID("id") }
        #expect(fault(id) == .badField("id"))
        let algorithm = read(writer) { writer throws(DecodingFault) in try writer.algorithmName("algorithm") }
        #expect(fault(algorithm) == .badField("algorithm"))
    }

    @Test func everyFaultComesBackAsItWas() {
        let faults: [PeerFault] = [
            .lineTooLong(limit: 16_384), .notARequest, .invalidJSON, .badRequestID, .badMethod, .badParams,
            .badField("job_id"),
        ]
        for fault in faults {
            let bytes = written { fault.encode(to: &$0) }
            #expect(read(bytes) { writer throws(DecodingFault) in try PeerFault(decoding: &writer) } == .success(fault))
        }
    }
}
