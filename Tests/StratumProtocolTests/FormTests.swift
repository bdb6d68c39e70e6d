import Testing

@testable import StratumProtocol

/// Fields that are written can be read, and nothing else.
struct FormTests {
    private func written(_ body: (inout FormWriter) -> Void) -> [UInt8] {
        var bytes = [UInt8](repeating: 0xee, count: 4_096)
        var count = 0
        bytes.withUnsafeMutableBytes { buffer in
            var form = FormWriter(into: buffer)
            body(&form)
            #expect(form.fits)
            count = form.count
        }
        return Array(bytes[..<count])
    }

    /// What reading `bytes` gives, or the fault.
    private func read<Value>(
        _ bytes: [UInt8], _ body: (inout FormReader) throws(FormFault) -> Value
    ) -> Result<Value, FormFault> {
        bytes.withUnsafeBytes { buffer in
            var form = FormReader(buffer)
            do throws(FormFault) {
                return .success(try body(&form))
            } catch {
                return .failure(error)
            }
        }
    }

    private func fault<Value>(_ result: Result<Value, FormFault>) -> FormFault? {
        if case .failure(let fault) = result { fault } else { nil }
    }

    @Test func fieldsComeBackAsTheyWere() {
        let bytes = written { form in
            form.integer(UInt16(0x1234))
            form.integer(Int64.min)
            form.integer(ifGiven: UInt32?.none)
            form.integer(ifGiven: UInt32(7))
            form.flag(true)
            form.text("käse")
            form.text(ifGiven: nil)
            form.text(ifGiven: "")
            form.bytes(InlineBytes<64>("job") ?? InlineBytes())
        }
        #expect(bytes[0...1] == [0x34, 0x12])
        let numbers = read(bytes) { form throws(FormFault) in
            let short: UInt16 = try form.integer()
            let long: Int64 = try form.integer()
            let none: UInt32? = try form.integer(ifGiven: UInt32.self)
            let some: UInt32? = try form.integer(ifGiven: UInt32.self)
            let flag = try form.flag()
            let isEach = short == 0x1234 && long == .min && none == nil && some == 7 && flag
            let texts = [
                try form.text(max: 5, "text"), try form.text(ifGivenMax: 5, "text") ?? "none",
                try form.text(ifGivenMax: 5, "text") ?? "none", (try form.inlineBytes("id") as InlineBytes<64>).text,
            ]
            let later: UInt64 = try form.laterInteger()
            return isEach && texts == ["käse", "none", "", "job"] && later == 0 && form.remaining == 0
        }
        #expect(numbers == .success(true))
        #expect(fault(read([]) { form throws(FormFault) in try form.integer(UInt8.self) }) == .truncated)
    }

    @Test func whatDoesNotFitIsCountedAndNotWritten() {
        var memory: [UInt8] = Array(repeating: 0xee, count: 8)
        memory.withUnsafeMutableBytes { buffer in
            var form = FormWriter(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<4]))
            form.record { $0.text("longer than four") }
            #expect(!form.fits)
            #expect(form.count == 8 + 4 + 16)
        }
        #expect(memory == Array(repeating: 0xee, count: 8))
    }

    @Test func lengthsAreHeldAgainstTheirLimitsAndAgainstWhatIsThere() {
        let long = written { $0.text("four") }
        let lying: [UInt8] = [0xff, 0xff, 0xff, 0x7f, 1, 2]
        let flag: [UInt8] = [2]
        #expect(fault(read(long) { form throws(FormFault) in try form.text(max: 3, "text") }) == .badField("text"))
        #expect(fault(read(flag) { form throws(FormFault) in try form.flag() }) == .badField("flag"))
        #expect(fault(read(lying) { form throws(FormFault) in try form.bytes(max: .max, "x").count }) == .truncated)
        #expect(fault(read(lying) { form throws(FormFault) in try form.record().remaining }) == .truncated)
        let entries = read(lying) { form throws(FormFault) in try form.entryCount(max: .max, bytesMin: 1, "x") }
        #expect(fault(entries) == .truncated)
    }

    @Test func whatFollowsInARecordIsSkipped() {
        let bytes = written { form in
            form.record { form in
                form.integer(UInt8(1))
                form.text("unknown")
            }
            form.integer(UInt8(2))
        }
        let fields = read(bytes) { form throws(FormFault) in
            var record = try form.record()
            return [try record.integer(UInt8.self), try form.integer(UInt8.self)]
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
        throw FormFault.missing("a golden job")
    }

    @Test func aJobComesBackAsItWas() throws {
        let job = try job()
        let bytes = written { job.encode(to: &$0) }
        #expect(read(bytes) { form throws(FormFault) in try Job(decoding: &form) } == .success(job))
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
            let again = read(bytes) { form throws(FormFault) in try Job(decoding: &form) }
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
        #expect(read(bytes) { form throws(FormFault) in try Job(decoding: &form) } == .success(job))
    }

    /// Programs before kept what a pool or an operator had written.
    @Test func anAliasInAFormIsResolved() throws {
        let bytes = written { $0.bytes(InlineBytes<32>("RandomX") ?? InlineBytes()) }
        let read = read(bytes) { form throws(FormFault) in try form.algorithmName("name").text }
        #expect(read == .success("rx/0"))
    }

    @Test(arguments: [[0xff], [0x61, 0xc3], [UInt8](repeating: 0x61, count: 257)] as [[UInt8]])
    func aNameThatIsNoTextIsNotRead(bytes: [UInt8]) {
        let form = written { $0.bytes(bytes) }
        let id = read(form) { form throws(FormFault) in try form.opaqueID("id") }
        #expect(fault(id) == .badField("id"))
        let algorithm = read(form) { form throws(FormFault) in try form.algorithmName("algorithm") }
        #expect(fault(algorithm) == .badField("algorithm"))
    }

    @Test func everyFaultComesBackAsItWas() {
        let faults: [PeerFault] = [
            .lineTooLong(limit: 16_384), .notARequest, .invalidJSON, .badRequestID, .badMethod, .badParams,
            .badField("job_id"),
        ]
        for fault in faults {
            let bytes = written { fault.encode(to: &$0) }
            #expect(read(bytes) { form throws(FormFault) in try PeerFault(decoding: &form) } == .success(fault))
        }
    }
}
