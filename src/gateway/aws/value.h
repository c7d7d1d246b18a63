// What a request's body says, whatever its encoding: a tree of values. Strings and bytes are views
// into the Document that owns the tree. Plain values; any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"

namespace mainstem::gateway::aws {

struct Member;

struct Value {
  enum class Kind : uint8_t {
    kNull,
    kBoolean,
    kInteger,
    kDouble,
    kString,
    kBytes,  // of CBOR only: JSON's blobs are base64 in strings
    kTime,   // of CBOR's tag 1: milliseconds in `integer`
    kList,   // members without names
    kMap,
  };
  Kind kind = Kind::kNull;
  bool boolean = false;
  int64_t integer = 0;
  double number = 0;  // of kDouble
  std::string_view text;
  std::vector<Member> members;

  bool is_null() const { return kind == Kind::kNull; }
  // The member of a map, or a null value. Of members with the same name the last one counts.
  const Value& operator[](std::string_view name) const;
};

struct Member {
  std::string_view name;
  Value value;
};

// A decoded body. Movable: its views stay valid.
struct Document {
  Value root;
  std::shared_ptr<const void> owner;  // of what the views point into
  std::deque<std::string> blobs;      // and what was decoded of it
};

// Deeper bodies are refused; DynamoDB's items, with two levels for each of theirs, need the most.
inline constexpr int kDepthMax = 72;
// Members of all lists and maps together: what a body of a few bytes each would otherwise grow to.
inline constexpr size_t kMembersMax = 100'000;
inline constexpr int kStoredDepthMax = 1'000;

}  // namespace mainstem::gateway::aws
