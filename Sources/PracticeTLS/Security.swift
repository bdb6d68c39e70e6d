internal import Glibc
internal import TLSHandshake

/// How the connections of a practice program are secured, and what came of it.
///
/// OpenSSL is the record layer of these connections to their end: the proxy's own one is tested against it.
public final class Security {
    /// The newest version to negotiate; the oldest is 1.2.
    public enum MaxVersion: String, CaseIterable, Sendable {
        case tls12 = "1.2"
        case tls13 = "1.3"

        fileprivate var versions: Set<TLSVersion> { self == .tls12 ? [.tls12] : TLSVersion.usual }
    }

    private enum Side {
        case server(ServerContext)
        case client(ClientContext, host: String)
    }

    private let side: Side
    /// Messages of a connection from one requested KeyUpdate to the next; 0 = none is requested.
    let messagesPerKeyUpdate: Int
    /// What an operator should know about the certificate's files.
    public let warnings: [String]
    public internal(set) var counts = TLSCounts()

    /// A server's.
    /// - Parameters:
    ///   - pair: PEM files; nil = a generated pair that lives as long as this object.
    ///   - tickets: session tickets that a client of TLS 1.3 gets.
    public init(
        serverWith pair: (certificateFile: String, keyFile: String)?, maxVersion: MaxVersion, tickets: Int,
        messagesPerKeyUpdate: Int
    ) throws(SecurityFailure) {
        let generated = pair == nil ? try TemporaryPair() : nil
        do throws(ContextFailure) {
            let settings = ServerContext.Settings(
                certificateFile: generated?.certificateFile ?? pair?.certificateFile ?? "",
                keyFile: generated?.keyFile ?? pair?.keyFile ?? "",
                protocols: maxVersion.versions.map(\.rawValue).joined(separator: " "), keepsOpenSSL: true,
                tickets: tickets)
            let context = try ServerContext(settings, now: Int64(time(nil)))
            side = .server(context)
            warnings = context.findings.map(\.text)
            counts.fingerprint = context.certificate.fingerprint
        } catch {
            throw SecurityFailure(error)
        }
        self.messagesPerKeyUpdate = messagesPerKeyUpdate
    }

    /// A client's.
    /// - Parameters:
    ///   - fingerprint: what the server's certificate must have; nil = any certificate is accepted.
    ///   - serverName: is told to the server (SNI).
    public init(
        clientWith fingerprint: String?, serverName: String?, maxVersion: MaxVersion, messagesPerKeyUpdate: Int
    ) throws(SecurityFailure) {
        do throws(ContextFailure) {
            let context = try ClientContext(
                .init(fingerprint: fingerprint, versions: maxVersion.versions, keepsOpenSSL: true))
            side = .client(context, host: serverName ?? "")
        } catch {
            throw SecurityFailure(error)
        }
        self.messagesPerKeyUpdate = messagesPerKeyUpdate
        warnings = []
    }

    /// - Returns: nil when there is no memory.
    func makeHandshake() -> Handshake? {
        switch side {
        case .server(let context): Handshake(server: context)
        case .client(let context, let host): Handshake(client: context, host: host)
        }
    }
}

/// TLS cannot be used in the way that the options ask for.
public struct SecurityFailure: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }

    init(_ failure: ContextFailure) {
        description = failure.findings.map(\.text).joined(separator: "; ")
    }
}

/// A generated pair in files that are removed with this object: a context reads them once.
private final class TemporaryPair {
    private let directory: String
    var certificateFile: String { directory + "/cert.pem" }
    var keyFile: String { directory + "/key.pem" }

    init() throws(SecurityFailure) {
        var template = Array("/tmp/millrace-practice-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template).map({ String(cString: $0) }) else {
            throw SecurityFailure("no directory in /tmp for a certificate: \(String(cString: strerror(errno)))")
        }
        directory = made
        do throws(ContextFailure) {
            try GeneratedPair.make(
                name: nil, certificateFile: certificateFile, keyFile: keyFile, now: Int64(time(nil)))
        } catch {
            throw SecurityFailure(error)
        }
    }

    deinit {
        unlink(certificateFile)
        unlink(keyFile)
        rmdir(directory)
    }
}
