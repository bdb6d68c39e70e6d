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

    @Test(arguments: ["7", "null", #""""#, #""a\"b""#, #""a\\b""#, #""a b""#, #""é""#, "{}"])
    func aJobNameThatCannotBeRepeatedAsItIsIsAFault(id: String) {
        #expect(throws: PeerFault.badField("job_id")) { try job(params(id: id)) }
    }

    @Test func aJobNameMayHave64Bytes() throws {
        let longest = String(repeating: "j", count: 64)
        #expect(try job(params(id: "\"\(longest)\"")).id.text == longest)
        #expect(throws: PeerFault.badField("job_id")) { try job(params(id: "\"\(longest)j\"")) }
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
        #expect(throws: PeerFault.badField("algo")) { try job(params(more: #","algo":1"#)) }
        #expect(throws: PeerFault.badField("algo")) { try job(params(more: #","algo":"a\"b""#)) }
    }

    @Test func aRandomXJobNeedsItsSeed() throws {
        #expect(throws: PeerFault.badField("seed_hash")) { try job(params(more: #","algo":"rx/0""#)) }
        #expect(throws: PeerFault.badField("seed_hash")) { try job(params(more: #","algo":"rx/0","seed_hash":"ab""#)) }
        #expect(throws: PeerFault.badField("seed_hash")) { try job(params(more: #","seed_hash":5"#)) }
        let seed = String(repeating: "ab", count: 32)
        #expect(try job(params(more: #","algo":"rx/0","seed_hash":"\#(seed)""#)).seedHash == Array(seed.utf8))
    }

    @Test(arguments: [("ghostrider", 76), ("kawpow", 32), ("rx/yada", 147), ("cn/r", 39), ("", 39)])
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

    @Test func anAlgorithmFromTheConfigurationIsEscaped() throws {
        #expect(line(try job(params(), assumed: "a\"b")).contains(#""algo":"a\"b""#))
    }
}
