/// A schema of a JSON value in OpenAPI 3.1 (JSON Schema 2020-12): the subset that these documents need.
struct Schema: Sendable {
    struct Member: Sendable {
        var name: String
        var schema: Schema
        var isRequired: Bool

        /// A required member.
        static func always(_ name: String, _ schema: Schema) -> Member {
            Member(name: name, schema: schema, isRequired: true)
        }

        /// An optional member.
        static func sometimes(_ name: String, _ schema: Schema) -> Member {
            Member(name: name, schema: schema, isRequired: false)
        }
    }

    private indirect enum Form: Sendable {
        case object([Member])
        /// An object whose keys are data.
        case map(Schema)
        case list(Schema, count: Int?)
        /// An array with a schema for each element.
        case row([(name: String, schema: Schema)])
        case text(oneOf: [String])
        case longText(lengthMin: Int)
        case shapedText(pattern: String)
        /// A text, a whole number or null.
        case identifier
        case anything
        case integer(ClosedRange<Int>?)
        case number
        case boolean
        case nothing
        /// A schema of the document's components.
        case named(String)
    }

    private var form: Form
    private var description: String?
    private var mayBeNull = false

    private init(_ form: Form, _ description: String?) {
        self.form = form
        self.description = description
    }

    static func object(_ description: String? = nil, _ members: Member...) -> Schema {
        Schema(.object(members), description)
    }
    static func object(_ description: String?, _ members: [Member]) -> Schema {
        Schema(.object(members), description)
    }
    static func map(of schema: Schema, _ description: String) -> Schema { Schema(.map(schema), description) }
    static func list(of schema: Schema, count: Int? = nil, _ description: String) -> Schema {
        Schema(.list(schema, count: count), description)
    }
    static func row(_ places: (name: String, schema: Schema)...) -> Schema { Schema(.row(places), nil) }
    static func text(_ description: String? = nil, oneOf values: [String] = []) -> Schema {
        Schema(.text(oneOf: values), description)
    }
    static func text(_ description: String? = nil, matching pattern: String) -> Schema {
        Schema(.shapedText(pattern: pattern), description)
    }
    static func text(atLeast count: Int) -> Schema { Schema(.longText(lengthMin: count), nil) }
    static func identifier(_ description: String) -> Schema { Schema(.identifier, description) }
    static func anything(_ description: String) -> Schema { Schema(.anything, description) }
    /// A whole number; never negative unless the range says so.
    static func integer(_ description: String? = nil, in range: ClosedRange<Int>? = nil) -> Schema {
        Schema(.integer(range), description)
    }
    /// A number with decimals; never negative.
    static func number(_ description: String? = nil) -> Schema { Schema(.number, description) }
    static func flag(_ description: String? = nil) -> Schema { Schema(.boolean, description) }
    static func nothing(_ description: String) -> Schema { Schema(.nothing, description) }
    static func named(_ name: String) -> Schema { Schema(.named(name), nil) }

    /// The same schema or null.
    var orNull: Schema {
        var schema = self
        schema.mayBeNull = true
        return schema
    }

    /// Writes the members of the schema into the open object.
    func write(into json: inout JSONWriter) {
        switch form {
        case .object(let members):
            writeType("object", into: &json)
            // Without members it is any object.
            guard !members.isEmpty else { break }
            let required = members.filter(\.isRequired).map(\.name)
            if !required.isEmpty { json.array("required", .inLine, required) }
            json.object("properties") {
                for member in members { $0.object(named: member.name) { member.schema.write(into: &$0) } }
            }
        case .map(let value):
            writeType("object", into: &json)
            json.object("additionalProperties") { value.write(into: &$0) }
        case .list(let element, let count):
            writeType("array", into: &json)
            json.object("items") { element.write(into: &$0) }
            writeCount(count, into: &json)
        case .row(let places):
            writeType("array", into: &json)
            json.object("items") {
                $0.array("type", .inLine, Schema.typesOfPlaces)
            }
            writeCount(places.count, into: &json)
            // JSON Schema has `prefixItems` for this. Schemathesis (4.16 to 4.32 at least) moves it under `items`, as
            // old drafts had it, and then rejects the list as not a schema.
            json.array("x-places", .onePerLine) {
                for place in places {
                    $0.object { json in
                        json.member("title", place.name)
                        place.schema.write(into: &json)
                    }
                }
            }
        case .text(let values):
            writeType("string", into: &json)
            if !values.isEmpty {
                json.array("enum", .inLine, values.map { String?($0) } + (mayBeNull ? [nil] : []))
            }
        case .longText(let count):
            writeType("string", into: &json)
            json.member("minLength", count)
        case .shapedText(let pattern):
            writeType("string", into: &json)
            json.member("pattern", pattern)
        case .identifier: json.array("type", .inLine, ["string", "integer", "null"])
        case .anything: break
        case .integer(let range):
            writeType("integer", into: &json)
            json.member("minimum", range?.lowerBound ?? 0)
            if let maximum = range?.upperBound { json.member("maximum", maximum) }
        case .number:
            writeType("number", into: &json)
            json.member("minimum", 0)
        case .boolean: writeType("boolean", into: &json)
        case .nothing: json.member("type", "null")
        case .named(let name): json.member("$ref", "#/components/schemas/\(name)")
        }
        if let description { json.member("description", description) }
    }

    /// The types of elements of a row: rows are not nested.
    private static let typesOfPlaces = ["string", "integer", "number", "null"]

    private func writeType(_ name: String, into json: inout JSONWriter) {
        if mayBeNull { json.array("type", .inLine, [name, "null"]) } else { json.member("type", name) }
    }

    private func writeCount(_ count: Int?, into json: inout JSONWriter) {
        guard let count else { return }
        json.member("minItems", count)
        json.member("maxItems", count)
    }
}
