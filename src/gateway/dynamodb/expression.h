// DynamoDB's expressions as trees: conditions (of writes, filters and keys), updates, projections.
// Parsed by expression_parser.h, made from older parameters by legacy_parameters.h. Plain values;
// any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gateway/dynamodb/attribute_value.h"

namespace mainstem::gateway::dynamodb {

struct PathStep {
  std::string name{};
  int64_t index = -1;  // of a list; then there is no name
  bool operator==(const PathStep&) const = default;
};
// "a.b[1]": begins with a name.
using Path = std::vector<PathStep>;
std::string Shown(const Path& path);

struct Operand {
  enum class Kind : uint8_t { kPath, kValue, kSize };
  Kind kind = Kind::kValue;
  Path path{};  // of kPath and kSize
  AttributeValue value{};
};

enum class Comparison : uint8_t { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual };

struct Condition {
  enum class Kind : uint8_t {
    kAnd,
    kOr,
    kNot,
    kCompare,
    kBetween,    // the first between the others
    kIn,         // the first is one of the others
    kExists,     // attribute_exists
    kNotExists,  // attribute_not_exists
    kHasType,
    kBeginsWith,
    kContains,
  };
  Kind kind = Kind::kAnd;
  Comparison comparison = Comparison::kEqual;  // of kCompare
  std::vector<Condition> parts{};              // of kAnd, kOr, kNot
  std::vector<Operand> operands{};
};

// What SET assigns.
struct UpdateValue {
  enum class Kind : uint8_t { kOperand, kIfNotExists, kListAppend, kPlus, kMinus };
  Kind kind = Kind::kOperand;
  Operand operand{};                 // of kOperand; the path of kIfNotExists
  std::vector<UpdateValue> parts{};  // two, or one of kIfNotExists
};

struct Update {
  struct Assignment {
    Path path;
    UpdateValue value;
  };
  struct Change {
    Path path;
    AttributeValue value;
  };
  std::vector<Assignment> sets{};
  std::vector<Path> removes{};
  std::vector<Change> adds{};
  std::vector<Change> deletes{};
  // AttributeUpdates' ADD appends to lists, too.
  bool adds_to_lists = false;
};

}  // namespace mainstem::gateway::dynamodb
