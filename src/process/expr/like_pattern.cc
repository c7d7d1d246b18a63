#include "process/expr/like_pattern.h"

namespace mainstem::process {
namespace {

// Bytes of the character at the front; 0 if there is none.
size_t FirstWidth(std::string_view text) {
  if (text.empty()) return 0;
  size_t width = 1;
  while (width < text.size() && (text[width] & 0xC0) == 0x80) ++width;
  return width;
}

}  // namespace

std::optional<LikePattern> LikePattern::Make(std::string_view pattern, std::string_view escape) {
  LikePattern result;
  std::string literal;
  const auto flush = [&] {
    if (!literal.empty()) result.pieces_.push_back({Kind::kText, std::move(literal)});
    literal.clear();
  };
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (!escape.empty() && pattern.substr(i).starts_with(escape)) {
      const std::string_view rest = pattern.substr(i + escape.size());
      const bool is_wildcard = rest.starts_with('%') || rest.starts_with('_');
      if (!is_wildcard && !rest.starts_with(escape)) return std::nullopt;
      const std::string_view escaped = is_wildcard ? rest.substr(0, 1) : escape;
      literal += escaped;
      i += escape.size() + escaped.size() - 1;
    } else if (c == '%') {
      flush();
      const bool repeated = !result.pieces_.empty() && result.pieces_.back().kind == Kind::kAny;
      if (!repeated) result.pieces_.push_back({Kind::kAny, {}});
    } else if (c == '_') {
      flush();
      result.pieces_.push_back({Kind::kOne, {}});
    } else {
      literal += c;
    }
  }
  flush();
  const auto& pieces = result.pieces_;
  const auto is = [&](size_t i, Kind kind) { return pieces[i].kind == kind; };
  if (pieces.empty()) {
    result.shape_ = Shape::kExact;
  } else if (pieces.size() == 1 && is(0, Kind::kText)) {
    result.shape_ = Shape::kExact;
    result.literal_ = pieces[0].text;
  } else if (pieces.size() == 1 && is(0, Kind::kAny)) {
    result.shape_ = Shape::kContains;
  } else if (pieces.size() == 2 && is(0, Kind::kText) && is(1, Kind::kAny)) {
    result.shape_ = Shape::kPrefix;
    result.literal_ = pieces[0].text;
  } else if (pieces.size() == 2 && is(0, Kind::kAny) && is(1, Kind::kText)) {
    result.shape_ = Shape::kSuffix;
    result.literal_ = pieces[1].text;
  } else if (pieces.size() == 3 && is(0, Kind::kAny) && is(1, Kind::kText) && is(2, Kind::kAny)) {
    result.shape_ = Shape::kContains;
    result.literal_ = pieces[1].text;
  }
  return result;
}

bool LikePattern::Matches(std::string_view text) const {
  switch (shape_) {
    case Shape::kExact: return text == literal_;
    case Shape::kPrefix: return text.starts_with(literal_);
    case Shape::kSuffix: return text.ends_with(literal_);
    case Shape::kContains: return text.find(literal_) != std::string_view::npos;
    default: return MatchesGeneral(text);
  }
}

// Goes back to the last '%' only: an earlier one never needs to take more.
bool LikePattern::MatchesGeneral(std::string_view text) const {
  size_t piece = 0, offset = 0;
  size_t retry_piece = SIZE_MAX, retry_offset = 0;
  while (true) {
    if (piece == pieces_.size() && offset == text.size()) return true;
    bool matched = false;
    if (piece < pieces_.size()) {
      const Piece& now = pieces_[piece];
      if (now.kind == Kind::kAny) {
        retry_piece = piece++;
        retry_offset = offset;
        continue;
      }
      const std::string_view rest = text.substr(offset);
      const size_t width = now.kind == Kind::kOne       ? FirstWidth(rest)
                           : rest.starts_with(now.text) ? now.text.size()
                                                        : 0;
      matched = width != 0;
      offset += width;
    }
    if (matched) {
      ++piece;
      continue;
    }
    if (retry_piece == SIZE_MAX || retry_offset >= text.size()) return false;
    retry_offset += FirstWidth(text.substr(retry_offset));
    offset = retry_offset;
    piece = retry_piece + 1;
  }
}

}  // namespace mainstem::process
