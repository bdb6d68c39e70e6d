internal import GRDB

/// Why the statistics file cannot be used, as a text for the operator.
public enum ArchiveFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// Its path cannot be used: a directory that cannot be created or written, or a file without permission.
    case cannotOpen(String)
    /// Another process has locked it: a second collector, or a program that edits the database. Can be temporary.
    case busy(String)
    /// It is not a statistics file of Millrace. It stays unchanged.
    case foreign(String)
    /// It was written by a newer version, which this one cannot read. It stays unchanged.
    case newer(String)
    /// The disk is full or reports errors. Can be temporary; the commit was not stored.
    case cannotWrite(String)
    /// Its content is corrupt.
    case damaged(String)

    /// Whether the failure can be temporary, so that a retry is useful.
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

/// A row has a value that Millrace never writes: the file is corrupt.
struct UnreadableRow: Error, Equatable, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

extension ArchiveFailure {
    /// Maps an error of SQLite, GRDB or the decoding of rows.
    init(_ error: any Error) {
        switch error {
        case let failure as ArchiveFailure: self = failure
        case let row as UnreadableRow: self = .damaged(row.description)
        case let error as DatabaseError: self = ArchiveFailure(sqlite: error)
        // GRDB throws it when a column has a value of the wrong type.
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
