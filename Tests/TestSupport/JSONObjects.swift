public import Foundation

/// The JSON object that these bytes are, or nil.
public func jsonObject(_ bytes: some Sequence<UInt8>) -> [String: Any]? {
    try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any]
}

/// The JSON object in a file; nil when there is none, or half of one.
public func jsonObject(at file: URL) -> [String: Any]? { (try? Data(contentsOf: file)).flatMap { jsonObject($0) } }
