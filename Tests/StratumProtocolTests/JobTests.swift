import Testing

@testable import StratumProtocol

struct JobTests {
    private let parser = JSONParser()

    private func job(_ params: String, assumed: String = "") throws -> Job {
        let line = #"{"jsonrpc":"2.0","method":"job","params":"# + params + "}"
        guard case .job(let job) = try parser.poolMessage(line, assumed: name(assumed)) else {
            throw PeerFault.badMethod
        }
        return job
    }

    /// A job without seed, of an algorithm that needs none.
    private func params(
        blob: String = String(repeating: "0", count: 152), id: String = #""j1""#, target: String = #""b88d0600""#,
        more: String = ""
    ) -> String {
        #"{"blob":"\#(blob)","job_id":\#(id),"target":\#(target)\#(more)}"#
    }

    private func line(_ job: Job, byte: UInt8? = nil, difficulty: UInt64? = nil) -> String {
        written { JobLine(job).append(to: &$0, for: JobShare(nonceByte: byte, customDifficulty: difficulty)) }
    }

    @Test func everyFieldIsRead() throws {
        let job = try exampleJob()
        #expect(job.id == name("8842"))
        #expect(job.blob.count == 152)
        #expect(job.difficulty == 10_000)
        #expect(job.algorithm == name("rx/0"))
        #expect(job.height == 3_100_124)
        #expect(job.seedHash.count == 64)
        #expect(job.nonceOffset == 39)
        #expect(job.nonceByte == 0)
    }

    @Test func aTargetMayHaveFourOrEightBytes() throws {
        #expect(try job(params(target: #""b88d0600""#)).difficulty == 10_000)
        #expect(try job(params(target: #""cb10c7bab88d0600""#)).difficulty == 10_000)
    }

    @Test(arguments: [
        "7", "null", #""""#, #""00000000""#, #""0000000000000000""#, #""b88d06""#, #""b88d06000""#, #""b88d060g""#,
    ])
    func anyOtherTargetIsAFault(target: String) {
        #expect(throws: PeerFault.badField("target")) { try job(params(target: target)) }
    }

    @Test(arguments: ["null", #""""#, "{}", "[1]", "true", "1.5", "18446744073709551615", #"{"job_id":"a"}"#])
    func aJobWithoutANameIsAFault(id: String) {
        #expect(throws: PeerFault.badField("job_id")) { try job(params(id: id)) }
    }

    @Test(arguments: [#"a\"b"#, #"\\"#, "a b", " ", "é⛏", "/+=", #"\u00e9\/"#, "\u{7f}", "{}", "0"])
    func aJobNameMayBeAnyTextAndGoesOutAsTheSameText(id: String) throws {
        let job = try job(params(id: "\"\(id)\""))
        let document = Array(line(job).utf8)
        #expect(JSONParser().parse(document.span) { $0["job_id"].string } == job.id.text)
        let again = try self.job(line(job))
        #expect(again.id == job.id && !job.id.text.isEmpty)
    }

    @Test(arguments: ["7", "0", "-1", "9223372036854775807"])
    func aJobNameMayBeAnIntegerAndIsKeptAsText(id: String) throws {
        #expect(try job(params(id: id)).id.text == id)
    }

    @Test func aJobNameMayHave256Bytes() throws {
        for unit in ["j", "é", #"\""#] {
            let longest = String(repeating: unit, count: 256 / (unit == "é" ? 2 : 1))
            #expect(try job(params(id: "\"\(longest)\"")).id.bytes.count == 256)
            #expect(throws: PeerFault.badField("job_id")) { try job(params(id: "\"\(longest)j\"")) }
        }
    }

    @Test(arguments: [0, 2, 86, 87, 89, 816, 10_000])
    func aBlobOfAnotherLengthIsAFault(digits: Int) {
        #expect(throws: PeerFault.badField("blob")) { try job(params(blob: String(repeating: "0", count: digits))) }
    }

    @Test(arguments: [88, 152, 814])
    func aBlobEndsBehindItsNonce(digits: Int) throws {
        #expect(try job(params(blob: String(repeating: "0", count: digits))).blob.count == digits)
    }

    @Test func aBlobIsHexadecimal() {
        #expect(throws: PeerFault.badField("blob")) { try job(params(blob: String(repeating: "g", count: 152))) }
    }

    @Test(arguments: ["5", "[]", #""""#, "null"])
    func paramsThatAreNoObjectAreAFault(params: String) {
        #expect(throws: PeerFault.badField("job")) { try job(params) }
    }

    @Test func aJobWithoutAlgorithmHasTheAssumedOne() throws {
        #expect(try job(params(), assumed: "cn/r").algorithm == name("cn/r"))
        #expect(try job(params(more: #","algo":"""#), assumed: "cn/r").algorithm == name("cn/r"))
        #expect(try job(params(more: #","algo":"cn/1""#), assumed: "cn/r").algorithm == name("cn/1"))
        for none in ["null", "1", "{}", #"["rx/0"]"#] {
            #expect(try job(params(more: #","algo":\#(none)"#), assumed: "cn/r").algorithm == name("cn/r"))
        }
    }

    @Test(arguments: [
        ("randomx", "rx/0"), ("RX/0", "rx/0"), ("rx/v2", "rx/2"), ("cryptonight/r", "cn/r"),
        ("cn-pico/trtl", "cn-pico"),
        ("GR", "ghostrider"), ("RandomYada", "rx/yada"), ("Cryptonight_Heavy", "cn-heavy/0"),
    ])
    func minersHearTheCanonicalName(alias: String, canonical: String) throws {
        let seed = String(repeating: "ab", count: 32)
        let more = #","algo":"\#(alias)","seed_hash":"\#(seed)""#
        let job = try job(params(blob: String(repeating: "0", count: 400), target: #""00ffffffffffffff""#, more: more))
        #expect(job.algorithm == name(canonical))
        #expect(line(job).contains(#","algo":"\#(canonical)""#))
        let assumed = try self.job(
            params(
                blob: String(repeating: "0", count: 400), target: #""00ffffffffffffff""#,
                more: #","seed_hash":"\#(seed)""#), assumed: alias)
        #expect(assumed.algorithm == job.algorithm)
    }

    @Test(arguments: ["foo/1", "RX/NEW", #"a\"b"#, "ключ", "rx 0"])
    func anUnknownNameIsKeptAsItIs(name: String) throws {
        let job = try job(params(more: #","algo":"\#(name)""#), assumed: "cn/r")
        #expect(job.algorithm.known == nil)
        #expect(line(job).contains(#","algo":"\#(name)""#))
        #expect(try self.job(line(job)).algorithm == job.algorithm)
    }

    @Test func anUnknownNameMayHave32Bytes() throws {
        let longest = String(repeating: "a", count: 32)
        #expect(try job(params(more: #","algo":"\#(longest)""#)).algorithm.text == longest)
        #expect(throws: PeerFault.badField("algo")) { try job(params(more: #","algo":"\#(longest)a""#)) }
    }

    @Test func aRandomXJobNeedsItsSeed() throws {
        for name in ["rx/0", "randomx", "RandomARQ", "rx/v2"] {
            #expect(throws: PeerFault.badField("seed_hash")) { try job(params(more: #","algo":"\#(name)""#)) }
            #expect(throws: PeerFault.badField("seed_hash")) { try job(params(), assumed: name) }
        }
        #expect(throws: PeerFault.badField("seed_hash")) { try job(params(more: #","algo":"rx/0","seed_hash":"ab""#)) }
        #expect(throws: PeerFault.badField("seed_hash")) { try job(params(more: #","seed_hash":5"#)) }
        let seed = String(repeating: "ab", count: 32)
        #expect(try job(params(more: #","algo":"rx/0","seed_hash":"\#(seed)""#)).seedHash == Array(seed.utf8))
    }

    @Test(arguments: [
        ("ghostrider", 76), ("gr", 76), ("kawpow", 32), ("kawpow/rvn", 32), ("rx/yada", 147), ("RandomX/Yada", 147),
        ("cn/r", 39), ("foo", 39), ("", 39),
    ])
    func theNonceLiesWhereTheAlgorithmHasIt(algorithm: String, offset: Int) throws {
        var blob = [Character](repeating: "0", count: 400)
        blob[(offset + 3) * 2 + 1] = "7"
        let seed = String(repeating: "ab", count: 32)
        let job = try job(params(blob: String(blob), more: #","seed_hash":"\#(seed)""#), assumed: algorithm)
        #expect(job.nonceOffset == offset)
        #expect(job.nonceByte == 7)
    }

    @Test func sameWorkIsSameNameBlobAndTarget() throws {
        let one = try job(params())
        #expect(one.isSameWork(as: try job(params(more: #","height":5"#))))
        #expect(!one.isSameWork(as: try job(params(id: #""j2""#))))
        #expect(!one.isSameWork(as: try job(params(target: #""b88d0700""#))))
        #expect(!one.isSameWork(as: try job(params(blob: String(repeating: "1", count: 152)))))
    }

    // MARK: - The line for miners

    @Test func theLineDiffersOnlyInTheNonceByte() throws {
        let job = try exampleJob()
        let plain = Array(line(job).utf8)
        let at = (39 + 3) * 2 + #"{"blob":""#.utf8.count
        for byte in UInt8.min...UInt8.max {
            var expected = plain
            expected.replaceSubrange(at..<at + 2, with: Array(written { $0.append(hex: byte) }.utf8))
            #expect(Array(line(job, byte: byte).utf8) == expected)
        }
    }

    @Test(arguments: ["b88d0600", "cb10c7bab88d0600"])
    func aCustomDifficultyReplacesATargetOfEitherLength(target: String) throws {
        let job = try job(params(target: "\"\(target)\"", more: #","height":9"#))
        #expect(line(job).contains(#""target":"\#(target)","height":9}"#))
        #expect(line(job, byte: 0x1b, difficulty: 5_000).contains(#""target":"711b0d00","height":9}"#))
        #expect(
            line(job, byte: 0x1b, difficulty: 5_000).hasPrefix(#"{"blob":""# + String(repeating: "0", count: 84) + "1b")
        )
    }

    @Test func theLineGoesBehindWhatTheBufferHolds() throws {
        let job = try exampleJob()
        let share = JobShare(nonceByte: 0xfe, customDifficulty: 5_000)
        let alone = written { JobLine(job).append(to: &$0, for: share) }
        let behind = written { buffer in
            buffer.append("before")
            JobLine(job).append(to: &buffer, for: share)
        }
        #expect(behind == "before" + alone)
    }

    @Test func whatAJobDoesNotHaveIsLeftOut() throws {
        let blob = String(repeating: "0", count: 152)
        #expect(line(try job(params())) == #"{"blob":"\#(blob)","job_id":"j1","target":"b88d0600"}"#)
        let key = String(repeating: "cd", count: 64)
        #expect(line(try job(params(more: #","sig_key":"\#(key)""#))).hasSuffix(#","sig_key":"\#(key)"}"#))
    }

    // MARK: - Targets that are numbers

    private func yadaJob(target: String, algorithm: String = "rx/yada") throws -> Job {
        let seed = String(repeating: "ab", count: 32)
        let more = #","algo":"\#(algorithm)","seed_hash":"\#(seed)""#
        return try job(params(blob: String(repeating: "0", count: 400), target: "\"\(target)\"", more: more))
    }

    @Test(arguments: [
        ("000a7c5ac471b473", UInt64(6_250)), ("00068db8bac710cb", 10_000), ("ffffffffffffffff", 1),
        ("00000000ffffffff", 4_294_967_297), ("1", nil), ("0000000000000000", nil), ("0000", nil), ("xyzw", nil),
        ("000a7c5ac471b4730", nil),
    ])
    func yadaTargetsAreReadAsNumbers(target: String, difficulty: UInt64?) throws {
        if let difficulty {
            #expect(try yadaJob(target: target).difficulty == difficulty)
            #expect(try yadaJob(target: target, algorithm: "RandomYada").difficulty == difficulty)
        } else {
            #expect(throws: PeerFault.badField("target")) { try yadaJob(target: target) }
        }
    }

    @Test(arguments: [UInt64(100), 5_000, 6_249, 123_456_789])
    func aCustomYadaTargetIsANumberOfTheSameDifficulty(difficulty: UInt64) throws {
        let line = line(try yadaJob(target: "00000000000010c6"), byte: 0x1b, difficulty: difficulty)
        let target = try #require(line.firstMatch(of: /"target":"([0-9a-f]{16})"/)).1
        #expect(try yadaJob(target: String(target)).difficulty == difficulty)
    }

    @Test(arguments: [
        "", "ab", "zz", String(repeating: "c", count: 127), String(repeating: "c", count: 130),
        String(repeating: "z", count: 128),
    ])
    func aSignatureKeyOfAnotherFormIsNone(key: String) throws {
        #expect(try job(params(more: #","sig_key":"\#(key)""#)).signatureKey == [])
        #expect(try job(params(more: #","sig_key":7"#)).signatureKey == [])
    }
}
