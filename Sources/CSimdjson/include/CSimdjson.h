#pragma once
// A C interface to the simdjson DOM parser: parse one document, walk it, read checked values. Every function is total:
// a wrong type, a missing key or a number out of range is a result, not an error.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Bytes (of any content) that must be readable after the end of a document.
enum { csimdjson_padding = 64 };

typedef enum {
    csimdjson_missing = 0,
    csimdjson_object,
    csimdjson_array,
    csimdjson_string,
    csimdjson_signed,    ///< an integer that fits Int64
    csimdjson_unsigned,  ///< an integer above Int64.max that fits UInt64
    csimdjson_double,
    csimdjson_bool,
    csimdjson_null
} csimdjson_kind;

/// A parser with its buffers. It can be used for any number of documents by one thread.
typedef struct csimdjson_parser csimdjson_parser;

/// A value in the parser's current document; invalid after the next parse.
typedef struct {
    const void *document;
    size_t index;
    csimdjson_kind kind;
} csimdjson_value;

/// The version of simdjson, such as "3.0.1".
const char *csimdjson_version(void);

/// capacity: the longest document in bytes; depth: how deep arrays and objects can nest. NULL when out of memory.
csimdjson_parser *csimdjson_create(size_t capacity, size_t depth);
void csimdjson_destroy(csimdjson_parser *parser);

/// The root value; its kind is csimdjson_missing when the bytes are not one valid JSON document within the limits.
csimdjson_value csimdjson_parse(csimdjson_parser *parser, const uint8_t *bytes, size_t count);

/// The first member of an object with the name `key`, or csimdjson_missing.
csimdjson_value csimdjson_member(csimdjson_value object, const char *key, size_t key_count);

/// Element `position` of an array, or csimdjson_missing. Linear in `position`.
csimdjson_value csimdjson_element(csimdjson_value array, size_t position);

/// The unescaped bytes of a string (valid UTF-8); NULL when the value is not a string.
const char *csimdjson_bytes(csimdjson_value string, size_t *count);

/// The integer; false when the value is not an integer in range.
bool csimdjson_int64(csimdjson_value value, int64_t *result);
bool csimdjson_uint64(csimdjson_value value, uint64_t *result);
/// The finite number with a fraction or an exponent; false when the value is not one.
bool csimdjson_float(csimdjson_value value, double *result);
bool csimdjson_boolean(csimdjson_value value, bool *result);

#ifdef __cplusplus
}
#endif
