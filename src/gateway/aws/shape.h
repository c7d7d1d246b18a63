// What an operation's input may be: types and constraints, as a tree that is built once. Checking
// answers as AWS does: first a SerializationException for a value of another type, then one
// ValidationException, or what the service calls it, that lists every broken constraint (at most
// ten). Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/aws/value.h"

namespace mainstem::gateway::aws {

enum class ShapeType : uint8_t {
  kBoolean,
  kInteger,
  kLong,
  kString,
  kBlob,
  kTimestamp,
  kList,
  kMap,
  kStructure,
};

// A pattern and what decides it: regular expressions would be slow for what stands in each record.
struct Pattern {
  std::string_view text;  // as the message shows it
  bool (*matches)(std::string_view text);
};

struct Field;

struct Shape {
  ShapeType type = ShapeType::kString;
  bool required = false;
  // Of a number its value, else the length: characters (UTF-16 units, as Java counts), bytes of a
  // blob, members.
  std::optional<int64_t> minimum{};
  std::optional<int64_t> maximum{};
  const Pattern* pattern = nullptr;
  std::vector<std::string_view> values{};  // the only ones
  std::vector<Field> fields;               // of a structure
  std::vector<Shape> element;              // of a list or map: one
  // How the message shows each item of a list of structures.
  std::string_view item_text{};
  // Lengths of a map's keys and values, or of a list's texts; told as one constraint.
  std::optional<std::pair<int64_t, int64_t>> key_lengths{};
  std::optional<std::pair<int64_t, int64_t>> item_lengths{};
};

struct Field {
  std::string_view name;
  Shape shape;
};

// The document's root must be a map. Blobs are bytes afterwards, decoded where they were base64.
// The error is an AwsError; `validation_error` is the name of one about constraints.
Status CheckShape(const Shape& shape, Document* input,
                  std::string_view validation_error = "ValidationException");

// UTF-16 units of UTF-8 text.
int64_t TextLength(std::string_view text);

// Values of an input that was checked.
std::optional<int64_t> IntegerOf(const Value& value);
// Milliseconds since 1970; JSON's are seconds.
std::optional<int64_t> TimeOf(const Value& value);

}  // namespace mainstem::gateway::aws
