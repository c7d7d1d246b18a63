#include "sink/jdbc/number_width.h"

#include <algorithm>
#include <array>

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <arrow/api.h>
#include <fmt/format.h>
#include <re2/re2.h>

namespace mainstem::sink {
namespace {

constexpr std::array<const char*, 4> kWholeNumbers = {"tinyint", "smallint", "integer", "bigint"};
constexpr int kDecimalDigitsMax = 38;

// An index into kWholeNumbers; -1: none of them.
int RankOf(const std::string& name) {
  if (name == "int2") return 1;
  if (name == "int" || name == "int4") return 2;
  if (name == "int8") return 3;
  for (size_t rank = 0; rank < kWholeNumbers.size(); ++rank) {
    if (name == kWholeNumbers[rank]) return static_cast<int>(rank);
  }
  return -1;
}

int RankOf(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::INT8: return 0;
    case arrow::Type::INT16: return 1;
    case arrow::Type::INT32: return 2;
    default: return 3;
  }
}

}  // namespace

std::optional<std::string> WiderNumber(const arrow::DataType& type, const std::string& found) {
  static const re2::RE2 pattern(R"((\w+)\s*(?:\((\d+)(?:,\s*(\d+))?\))?)");
  std::string name, first, second;
  if (!re2::RE2::FullMatch(absl::AsciiStrToLower(found), pattern, &name, &first, &second)) {
    return std::nullopt;
  }
  switch (type.id()) {
    case arrow::Type::INT8:
    case arrow::Type::INT16:
    case arrow::Type::INT32:
    case arrow::Type::INT64: {
      int there = RankOf(name);
      if (there < 0 || there >= RankOf(type)) return std::nullopt;
      return kWholeNumbers[static_cast<size_t>(RankOf(type))];
    }
    case arrow::Type::DOUBLE:
      if (name != "real" && name != "float" && name != "float4") return std::nullopt;
      return "double precision";
    case arrow::Type::DECIMAL128: {
      int digits = 0, digits_behind = 0;
      if ((name != "numeric" && name != "decimal") || !absl::SimpleAtoi(first, &digits)) {
        return std::nullopt;
      }
      if (!absl::SimpleAtoi(second, &digits_behind)) digits_behind = 0;
      const auto& decimal = static_cast<const arrow::Decimal128Type&>(type);
      int scale = std::max(decimal.scale(), digits_behind);
      int whole = std::max(decimal.precision() - decimal.scale(), digits - digits_behind);
      bool is_wide = scale == digits_behind && whole == digits - digits_behind;
      if (is_wide || whole + scale > kDecimalDigitsMax) return std::nullopt;
      return fmt::format("{}({},{})", name, whole + scale, scale);
    }
    default: return std::nullopt;
  }
}

}  // namespace mainstem::sink
