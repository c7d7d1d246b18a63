// Avro's JSON encoding, to and from the binary one: {"a": {"int": 1}} for a field that may be null,
// bytes as text of one character a byte. Private to format/. Pure.
#pragma once

#include <string>
#include <string_view>

#include <simdjson.h>

#include "format/avro/avro_binary.h"

namespace mainstem::format {

// A default value of a schema: as JSON encoding, but a union's value is of its first branch (or
// the first that it fits) and stands there without the branch's name.
Status EncodeAvroDefault(simdjson::dom::element value, const AvroType& type, std::string* out);

// Turns messages in JSON into binary ones. Not thread-safe.
class AvroJsonReader {
 public:
  // Fields may come in any order; all must be there, as Avro's own reader wants it.
  // kDecodeError, naming the field.
  Status ToBinary(std::string_view json, const AvroType& type, std::string* out);

 private:
  simdjson::dom::parser parser_;
};

// One value in compact JSON. False: see input->error().
bool AvroToJson(const AvroType& type, AvroInput* input, int depth, std::string* out);

}  // namespace mainstem::format
