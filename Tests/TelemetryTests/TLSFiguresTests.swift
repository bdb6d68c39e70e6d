import TestSupport
import Testing

@testable import Telemetry

struct TLSFiguresTests {
    private let figures = Sample.gaugesOfTLS.tls

    private func read(_ bytes: [UInt8]) throws -> ShardGauges {
        guard case .gauges(let gauges) = try BusMessage(decoding: bytes) else { throw TestFailure("not gauges") }
        return gauges
    }

    @Test func eachResultHasItsOwnCounterAndName() {
        #expect(HandshakeCounts.Result.allCases.map { figures.handshakes[$0] } == [1, 2, 3, 4, 5])
        #expect(Set(HandshakeCounts.Result.allCases.map(\.name)).count == 5)
    }

    /// A program from before TLS was shown has no such end of the message, and wrote 0 for its length.
    @Test(arguments: [Sample.gauges, Sample.gaugesOfTrouble])
    func gaugesWithoutTheFiguresAreRead(gauges: ShardGauges) throws {
        let bytes = BusMessage.gauges(gauges).encoded()
        #expect(bytes[55] == 0)
        let read = try read(bytes)
        #expect(read == gauges && read.tls == TLSFigures() && read.miners.allSatisfy { $0.tls == .none })
    }

    /// While nothing uses TLS, an older program reads the gauges of a newer one.
    @Test func theFiguresAreLeftOutWithoutTLSAndSentWithAnyOfThem() throws {
        let count = BusMessage.gauges(Sample.gauges).encoded().count
        var ofMiner = Sample.gauges
        ofMiner.miners[0].tls = TLSCode(rawValue: 4)
        var ofCertificate = Sample.gauges
        ofCertificate.tls.certificateExpires = 1
        var ofHandshakes = Sample.gauges
        ofHandshakes.tls.handshakes.count(.crowded)
        for gauges in [ofMiner, ofCertificate, ofHandshakes] {
            let bytes = BusMessage.gauges(gauges).encoded()
            #expect(bytes.count == count + TLSFigures.byteCount - TLSFigures.fingerprintBytesMax + gauges.miners.count)
            #expect(try read(bytes) == gauges)
        }
    }

    @Test func theCodeOfAnUpstreamTakesNoRoom() throws {
        var gauges = Sample.gauges
        gauges.upstreams[0].tls = TLSCode(rawValue: 1)
        let bytes = BusMessage.gauges(gauges).encoded()
        #expect(bytes.count == BusMessage.gauges(Sample.gauges).encoded().count)
        #expect(try read(bytes) == gauges)
    }

    @Test(arguments: [1, 3, 4, 6, 9, 250]) func aProgramThatKnowsMoreOrFewerResultsIsRead(results: Int) throws {
        var writer = ByteWriter()
        for number in 0..<results { writer.integer(UInt64(number) + 1) }
        writer.integer(UInt64(22))
        writer.integer(figures.kept)
        writer.integer(figures.notKept)
        writer.integer(figures.certificateExpires)
        writer.text(figures.certificateFingerprint, bytesMax: 64)
        var reader = ByteReader(writer.bytes)
        let read = try TLSFigures(from: &reader, results: results)
        try reader.finish()
        let known = HandshakeCounts.Result.allCases.map { read.handshakes[$0] }
        #expect(known == (1...5).map { $0 <= results ? UInt64($0) : 0 })
        #expect(read.kept == 23 && read.notKept == 24 && read.handshakes.nanoseconds == 22)
    }

    @Test func damagedFiguresAreRefused() throws {
        let bytes = BusMessage.gauges(Sample.gaugesOfTLS).encoded()
        let (miners, fingerprint) = (Sample.gaugesOfTLS.miners.count, figures.certificateFingerprint.utf8.count)
        let length = bytes.count - miners - fingerprint - 2
        for (place, value, failure) in [
            (length, 65, DecodingFailure.tooLong), (length + 1, 1, .tooLong), (length, 64, .truncated),
            (length, 3, .trailingBytes), (length, 5, .truncated), (length + 2, 0xff, .invalidText),
            (55, 0, .trailingBytes), (55, 7, .truncated), (55, 255, .truncated),
        ] as [(Int, UInt8, DecodingFailure)] {
            var damaged = bytes
            damaged[place] = value
            #expect(throws: failure, "\(value) at \(place)") { try read(damaged) }
        }
        #expect(throws: DecodingFailure.truncated) { try read(bytes.dropLast()) }
        #expect(throws: DecodingFailure.trailingBytes) { try read(bytes + [0]) }
    }
}

struct TLSCodeTests {
    @Test(arguments: TLSCode.known.indices.dropFirst()) func aNameIsReadAsItWasWritten(number: Int) {
        let (version, cipher) = TLSCode.known[number]
        let code = TLSCode(version: version, cipher: cipher ?? "AES256-SHA")
        #expect(code.rawValue == UInt8(number))
        #expect(code.version == version && code.cipher == cipher)
    }

    @Test(arguments: ["", "SSLv3", "TLSv1.4", "tlsv1.3"]) func anotherVersionIsStillTLS(version: String) {
        let code = TLSCode(version: version, cipher: "TLS_AES_128_GCM_SHA256")
        #expect(code != .none && code.version == "TLS" && code.cipher == nil)
    }

    @Test(arguments: [14, 100, 255] as [UInt8]) func aNumberOfANewerProgramIsSomeTLS(number: UInt8) {
        #expect(TLSCode(rawValue: number).version == "TLS" && TLSCode(rawValue: number).cipher == nil)
    }

    @Test func noTLSHasNoNames() {
        #expect(TLSCode.none.version == nil && TLSCode.none.cipher == nil)
    }
}
