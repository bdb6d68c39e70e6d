#include "CSimdjson.h"

#include <cstring>
#include <new>
#include <simdjson.h>
#include <string>
#include <type_traits>

using namespace simdjson;

static_assert(csimdjson_padding >= SIMDJSON_PADDING, "the readable tail behind a document is too short");

struct csimdjson_parser {
    dom::parser parser;
};

namespace {

// An element is a document and an index into its tape. Both fit into the C value, which is copied.
static_assert(sizeof(dom::element) == sizeof(const void *) + sizeof(size_t));
static_assert(std::is_trivially_copyable<dom::element>::value);

csimdjson_kind kind_of(dom::element element) {
    switch (element.type()) {
    case dom::element_type::OBJECT: return csimdjson_object;
    case dom::element_type::ARRAY: return csimdjson_array;
    case dom::element_type::STRING: return csimdjson_string;
    case dom::element_type::INT64: return csimdjson_signed;
    case dom::element_type::UINT64: return csimdjson_unsigned;
    case dom::element_type::DOUBLE: return csimdjson_double;
    case dom::element_type::BOOL: return csimdjson_bool;
    case dom::element_type::NULL_VALUE: return csimdjson_null;
    }
    return csimdjson_missing;
}

csimdjson_value wrap(dom::element element) {
    csimdjson_value value;
    std::memcpy(&value, &element, sizeof element);
    value.kind = kind_of(element);
    return value;
}

dom::element unwrap(csimdjson_value value) {
    dom::element element;
    std::memcpy(&element, &value, sizeof element);
    return element;
}

const csimdjson_value missing = {nullptr, 0, csimdjson_missing};

}  // namespace

const char *csimdjson_version(void) {
    static const std::string version = std::to_string(SIMDJSON_VERSION_MAJOR) + "." + std::to_string(SIMDJSON_VERSION_MINOR) +
                                       "." + std::to_string(SIMDJSON_VERSION_REVISION);
    return version.c_str();
}

csimdjson_parser *csimdjson_create(size_t capacity, size_t depth) {
    auto *parser = new (std::nothrow) csimdjson_parser{dom::parser(capacity)};
    if (parser && parser->parser.allocate(capacity, depth) != SUCCESS) {
        delete parser;
        return nullptr;
    }
    return parser;
}

void csimdjson_destroy(csimdjson_parser *parser) { delete parser; }

csimdjson_value csimdjson_parse(csimdjson_parser *parser, const uint8_t *bytes, size_t count) {
    dom::element root;
    if (parser->parser.parse(bytes, count, false).get(root) != SUCCESS) return missing;
    return wrap(root);
}

csimdjson_value csimdjson_member(csimdjson_value object, const char *key, size_t key_count) {
    if (object.kind != csimdjson_object) return missing;
    dom::object members;
    dom::element found;
    if (unwrap(object).get(members) != SUCCESS) return missing;
    if (members.at_key(std::string_view(key, key_count)).get(found) != SUCCESS) return missing;
    return wrap(found);
}

csimdjson_value csimdjson_element(csimdjson_value array, size_t position) {
    if (array.kind != csimdjson_array) return missing;
    dom::array elements;
    dom::element found;
    if (unwrap(array).get(elements) != SUCCESS) return missing;
    if (elements.at(position).get(found) != SUCCESS) return missing;
    return wrap(found);
}

const char *csimdjson_bytes(csimdjson_value string, size_t *count) {
    if (string.kind != csimdjson_string) return nullptr;
    std::string_view view;
    if (unwrap(string).get(view) != SUCCESS) return nullptr;
    *count = view.size();
    return view.data();
}

bool csimdjson_int64(csimdjson_value value, int64_t *result) {
    return value.kind == csimdjson_signed && unwrap(value).get(*result) == SUCCESS;
}

bool csimdjson_uint64(csimdjson_value value, uint64_t *result) {
    if (value.kind != csimdjson_signed && value.kind != csimdjson_unsigned) return false;
    return unwrap(value).get(*result) == SUCCESS;
}

bool csimdjson_float(csimdjson_value value, double *result) {
    return value.kind == csimdjson_double && unwrap(value).get(*result) == SUCCESS;
}

bool csimdjson_boolean(csimdjson_value value, bool *result) {
    return value.kind == csimdjson_bool && unwrap(value).get(*result) == SUCCESS;
}
