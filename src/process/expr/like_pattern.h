// A compiled LIKE pattern: '%' any characters, '_' one character. Immutable.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mainstem::process {

class LikePattern {
 public:
  // `escape` is one character or empty. Empty result: the pattern ends in an escape character, or
  // escapes a character that needs none.
  static std::optional<LikePattern> Make(std::string_view pattern, std::string_view escape);
  bool Matches(std::string_view text) const;

 private:
  enum class Shape : uint8_t { kExact, kPrefix, kSuffix, kContains, kGeneral };
  enum class Kind : uint8_t { kText, kOne, kAny };
  struct Piece {
    Kind kind;
    std::string text;  // kText
  };
  bool MatchesGeneral(std::string_view text) const;

  Shape shape_ = Shape::kGeneral;
  std::string literal_;  // of the simple shapes
  std::vector<Piece> pieces_;
};

}  // namespace mainstem::process
