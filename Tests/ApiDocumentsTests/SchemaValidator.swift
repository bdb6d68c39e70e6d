@testable import Configuration

/// Checks JSON against the part of JSON Schema that the OpenAPI document uses. A keyword that it does not know is a
/// fault, so that none is taken for granted; a member that the schema does not name is one too: all are to be
/// described.
struct SchemaValidator {
    /// The OpenAPI document.
    let root: JSONNode

    init(document: [UInt8]) throws {
        root = try JSONReader.read(document)
    }

    /// What is wrong with the document, which one answer to a request should be; empty when nothing is.
    func faults(in body: [UInt8], path: String, method: String = "get", status: String = "200") throws -> [String] {
        let response = root["paths"]?[path]?[method]?["responses"]?[status].map(resolved)
        guard let schema = response?["content"]?["application/json"]?["schema"] else {
            return ["\(method) \(path) \(status) is not described"]
        }
        return try faults(JSONReader.read(body), schema, at: "$")
    }

    private func resolved(_ node: JSONNode) -> JSONNode {
        guard case .text(let reference)? = node["$ref"]?.value else { return node }
        // "#/components/schemas/Shard"
        let target = reference.split(separator: "/").dropFirst().reduce(Optional(root)) { $0?[String($1)] }
        return target ?? node
    }

    private func faults(_ node: JSONNode, _ schema: JSONNode, at place: String) -> [String] {
        let schema = resolved(schema)
        guard case .object(let keywords) = schema.value else { return ["\(place): its schema is no object"] }
        return keywords.members.flatMap { keyword -> [String] in
            let wanted = keyword.node
            switch keyword.key {
            // Patterns and lengths are of parameters only.
            case "description", "title": return []
            case "type":
                let types = wanted.elements ?? [wanted]
                return types.contains { fits(node, $0.text ?? "") }
                    ? [] : ["\(place): \(node.value.kindName) where the type is \(types.compactMap(\.text))"]
            case "enum":
                let values = wanted.elements?.map(\.value) ?? []
                return values.contains(node.value) ? [] : ["\(place): none of the values of the enumeration"]
            case "minimum":
                guard let number = node.number, let limit = wanted.number else { return [] }
                return number >= limit ? [] : ["\(place): \(number) is less than \(limit)"]
            case "maximum":
                guard let number = node.number, let limit = wanted.number else { return [] }
                return number <= limit ? [] : ["\(place): \(number) is more than \(limit)"]
            case "minItems":
                guard let count = node.elements?.count, let limit = wanted.number else { return [] }
                return Double(count) >= limit ? [] : ["\(place): \(count) elements"]
            case "maxItems":
                guard let count = node.elements?.count, let limit = wanted.number else { return [] }
                return Double(count) <= limit ? [] : ["\(place): \(count) elements"]
            case "items":
                return (node.elements ?? []).enumerated().flatMap { faults($1, wanted, at: "\(place)[\($0)]") }
            case "x-places":
                return zip(node.elements ?? [], wanted.elements ?? []).enumerated().flatMap {
                    faults($1.0, $1.1, at: "\(place)[\($0)]")
                }
            case "required":
                guard let members = node.members else { return [] }
                let names = wanted.elements?.compactMap(\.text) ?? []
                return names.filter { name in !members.contains { $0.key == name } }.map {
                    "\(place): \($0) is missing"
                }
            case "properties":
                return (node.members ?? []).flatMap { member in
                    wanted[member.key].map { faults(member.node, $0, at: "\(place).\(member.key)") }
                        ?? ["\(place).\(member.key) is not described"]
                }
            case "additionalProperties":
                return (node.members ?? []).flatMap { faults($0.node, wanted, at: "\(place).\($0.key)") }
            default: return ["\(place): the schema says \(keyword.key)"]
            }
        }
    }

    private func fits(_ node: JSONNode, _ type: String) -> Bool {
        switch (node.value, type) {
        case (.null, "null"), (.boolean, "boolean"), (.integer, "integer"), (.integer, "number"), (.decimal, "number"),
            (.text, "string"), (.array, "array"), (.object, "object"):
            true
        default: false
        }
    }
}

extension JSONNode {
    subscript(key: String) -> JSONNode? {
        if case .object(let object) = value { object[key] } else { nil }
    }

    var members: [JSONMember]? {
        if case .object(let object) = value { object.members } else { nil }
    }

    var elements: [JSONNode]? {
        if case .array(let elements) = value { elements } else { nil }
    }

    var text: String? {
        if case .text(let text) = value { text } else { nil }
    }

    var number: Double? {
        switch value {
        case .integer(let number): Double(number)
        case .decimal(let number): number
        case .null, .boolean, .text, .array, .object: nil
        }
    }
}
