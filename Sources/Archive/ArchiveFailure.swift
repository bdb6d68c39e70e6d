internal import GRDB

/// Why the file of the statistics cannot be used as it should, in words for the operator.
public enum ArchiveFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// Its place cannot be used: a directory that cannot be made or written, a file without permission.
    case cannotOpen(String)
    /// Another process holds it: a second collector, or somebody in the middle of a change by hand. It may pass.
    case busy(String)
    /// It is something else than statistics of Millrace, and stays untouched.
    case foreign(String)
    /// A newer version has written it, and only that one can read it. It stays untouched.
    case newer(String)
    /// The disk is full or gives errors. It may pass; what was to be written is not.
    case cannotWrite(String)
    /// What is in it cannot be understood.
    case damaged(String)

    /// Whether time may mend it: it is worth another attempt.
    public var mayPass: Bool {
        switch self {
        case .cannotOpen, .busy, .cannotWrite, .damaged: true
        case .foreign, .newer: false
        }
    }

    public var description: String {
        switch self {
        case .cannotOpen(let text), .busy(let text), .foreign(let text), .newer(let text), .cannotWrite(let text),
            .damaged(let text):
            text
        }
    }
}

/// A row holds what nobody has written: a disk that lies.
struct UnreadableRow: Error, Equatable, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

extension ArchiveFailure {
    /// What an error of SQLite, GRDB or our own reading means.
    init(_ error: any Error) {
        switch error {
        case let failure as ArchiveFailure: self = failure
        case let row as UnreadableRow: self = .damaged(row.description)
        case let error as DatabaseError: self = ArchiveFailure(sqlite: error)
        // GRDB says so when a column holds something that its type cannot be.
        case let error as RowDecodingError: self = .damaged("\(error)")
        default: self = .cannotWrite("\(error)")
        }
    }

    private init(sqlite error: DatabaseError) {
        let text = "\(error.message ?? "SQLite") (SQLite error \(error.extendedResultCode.rawValue))"
        switch error.resultCode {
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: self = .damaged(text)
        case .SQLITE_BUSY, .SQLITE_LOCKED: self = .busy(text)
        case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_READONLY, .SQLITE_AUTH: self = .cannotOpen(text)
        default: self = .cannotWrite(text)
        }
    }
}
