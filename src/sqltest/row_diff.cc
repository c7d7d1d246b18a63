#include "sqltest/row_diff.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

namespace mainstem::sqltest {
namespace {

// Rows that are in only one of two sets, an element as often as it is there too often.
struct Sides {
  std::vector<Fields> missing;
  std::vector<Fields> unexpected;
};

Sides Difference(const std::vector<Fields>& expected, const std::vector<Fields>& got) {
  std::map<Fields, int64_t> counts;
  for (const Fields& row : expected) ++counts[row];
  for (const Fields& row : got) --counts[row];
  Sides sides;
  for (const auto& [row, count] : counts) {
    for (int64_t i = 0; i < count; ++i) sides.missing.push_back(row);
    for (int64_t i = count; i < 0; ++i) sides.unexpected.push_back(row);
  }
  return sides;
}

size_t EqualFields(const Fields& a, const Fields& b) {
  size_t equal = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) equal += a[i] == b[i] ? 1 : 0;
  return equal;
}

// The row of `rows` that is most likely `row` gone wrong; npos: none is.
size_t PartnerOf(const Fields& row, const std::vector<Fields>& rows, const std::vector<int>& key) {
  size_t best = std::string::npos, best_equal = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    size_t equal = EqualFields(row, rows[i]);
    bool fits = rows[i].size() == row.size() && equal * 3 >= row.size() * 2;
    if (!key.empty()) {
      fits = std::all_of(key.begin(), key.end(), [&](int column) {
        auto at = static_cast<size_t>(column);
        return at < row.size() && at < rows[i].size() && row[at] == rows[i][at];
      });
      ++equal;  // a key alone is enough
    }
    if (!fits || equal <= best_equal) continue;
    best = i;
    best_equal = equal;
  }
  return best;
}

// Lengths of the longest common subsequences of all suffixes.
std::vector<std::vector<uint32_t>> CommonLengths(const std::vector<TextRow>& a,
                                                 const std::vector<TextRow>& b) {
  std::vector<std::vector<uint32_t>> lengths(a.size() + 1, std::vector<uint32_t>(b.size() + 1));
  for (size_t i = a.size(); i-- > 0;) {
    for (size_t j = b.size(); j-- > 0;) {
      lengths[i][j] =
          a[i] == b[j] ? lengths[i + 1][j + 1] + 1 : std::max(lengths[i + 1][j], lengths[i][j + 1]);
    }
  }
  return lengths;
}

// How many rows both begin with.
size_t CommonBegin(const std::vector<TextRow>& a, const std::vector<TextRow>& b) {
  size_t count = 0;
  while (count < a.size() && count < b.size() && a[count] == b[count]) ++count;
  return count;
}

// From `begin` on, as far as a comparison of each with each can go.
std::vector<TextRow> Part(const std::vector<TextRow>& rows, size_t begin) {
  constexpr size_t kComparedMax = 4000;
  size_t end = std::min(rows.size(), begin + kComparedMax);
  return {rows.begin() + static_cast<ptrdiff_t>(begin), rows.begin() + static_cast<ptrdiff_t>(end)};
}

// Of equal rows only the neighbours of those that differ.
std::vector<DiffLine> NearDifferences(std::vector<DiffLine> all) {
  std::vector<DiffLine> kept;
  for (size_t i = 0; i < all.size(); ++i) {
    bool near = all[i].mark != DiffMark::kSame || (i > 0 && all[i - 1].mark != DiffMark::kSame) ||
                (i + 1 < all.size() && all[i + 1].mark != DiffMark::kSame);
    if (near) kept.push_back(all[i]);
  }
  return kept;
}

std::vector<std::string> Cells(const DiffLine& line, bool with_kind) {
  std::vector<std::string> cells = {std::string(ToString(line.mark))};
  if (with_kind) cells.push_back(line.row.kind);
  for (const auto& field : line.row.fields) cells.push_back(ShownField(field));
  return cells;
}

// Carets under the fields of `got` that are not as in `expected`.
std::vector<std::string> Underline(const DiffLine& expected, const DiffLine& got, bool with_kind) {
  std::vector<std::string> cells = {""};
  if (with_kind) cells.emplace_back();
  for (size_t i = 0; i < got.row.fields.size(); ++i) {
    bool same = i < expected.row.fields.size() && expected.row.fields[i] == got.row.fields[i];
    size_t width = ShownWidth(ShownField(got.row.fields[i]));
    cells.push_back(same ? "" : std::string(std::max<size_t>(width, 1), '^'));
  }
  return cells;
}

}  // namespace

std::string_view ToString(DiffMark mark) {
  switch (mark) {
    case DiffMark::kSame: return "";
    case DiffMark::kMissing: return "missing";
    case DiffMark::kUnexpected: return "unexpected";
    case DiffMark::kExpected: return "expected";
    case DiffMark::kGot: return "got";
  }
  return "";
}

std::string RowDiff::Summary() const {
  if (same_in_other_order) return "the same changes in another order";
  std::vector<std::string> parts;
  if (missing > 0) parts.push_back(fmt::format("{} missing", missing));
  if (unexpected > 0) parts.push_back(fmt::format("{} unexpected", unexpected));
  if (differing > 0) {
    parts.push_back(fmt::format("{} {}", differing, differing == 1 ? "differs" : "differ"));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

RowDiff DiffTables(const std::vector<Fields>& expected, const std::vector<Fields>& got,
                   const std::vector<int>& key) {
  Sides sides = Difference(expected, got);
  RowDiff diff;
  std::vector<DiffLine> pairs;
  for (const Fields& row : sides.missing) {
    size_t partner = PartnerOf(row, sides.unexpected, key);
    if (partner == std::string::npos) {
      diff.lines.push_back({DiffMark::kMissing, {"", row}});
      ++diff.missing;
      continue;
    }
    pairs.push_back({DiffMark::kExpected, {"", row}});
    pairs.push_back({DiffMark::kGot, {"", sides.unexpected[partner]}});
    ++diff.differing;
    sides.unexpected.erase(sides.unexpected.begin() + static_cast<ptrdiff_t>(partner));
  }
  for (const Fields& row : sides.unexpected) {
    diff.lines.push_back({DiffMark::kUnexpected, {"", row}});
    ++diff.unexpected;
  }
  diff.lines.insert(diff.lines.end(), pairs.begin(), pairs.end());
  return diff;
}

RowDiff DiffChangelogs(const std::vector<TextRow>& all_expected,
                       const std::vector<TextRow>& all_got) {
  RowDiff diff;
  if (all_expected == all_got) return diff;
  size_t begin = CommonBegin(all_expected, all_got);
  std::vector<TextRow> expected = Part(all_expected, begin), got = Part(all_got, begin);
  auto lengths = CommonLengths(expected, got);
  std::vector<DiffLine> all;
  if (begin > 0) all.push_back({DiffMark::kSame, all_got[begin - 1]});
  size_t i = 0, j = 0;
  while (i < expected.size() || j < got.size()) {
    if (i < expected.size() && j < got.size() && expected[i] == got[j]) {
      all.push_back({DiffMark::kSame, got[j]});
      ++i;
      ++j;
    } else if (j == got.size() || (i < expected.size() && lengths[i + 1][j] >= lengths[i][j + 1])) {
      all.push_back({DiffMark::kMissing, expected[i++]});
      ++diff.missing;
    } else {
      all.push_back({DiffMark::kUnexpected, got[j++]});
      ++diff.unexpected;
    }
  }
  std::vector<TextRow> a = all_expected, b = all_got;
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  diff.same_in_other_order = a == b;
  diff.lines = NearDifferences(std::move(all));
  return diff;
}

std::string Render(const RowDiff& diff, ExpectedForm form, const std::vector<std::string>& columns,
                   const DiffStyle& style) {
  bool with_kind = form == ExpectedForm::kChangelog;
  std::vector<std::vector<std::string>> lines = {columns};
  if (with_kind) lines[0].insert(lines[0].begin(), "op");
  lines[0].insert(lines[0].begin(), "");
  size_t shown = 0;
  for (; shown < diff.lines.size(); ++shown) {
    const DiffLine& line = diff.lines[shown];
    if (shown >= style.lines_max && line.mark != DiffMark::kGot) break;
    lines.push_back(Cells(line, with_kind));
    if (line.mark != DiffMark::kGot) continue;
    lines.push_back(Underline(diff.lines[shown - 1], line, with_kind));
  }
  std::vector<size_t> widths;
  for (const auto& line : lines) {
    widths.resize(std::max(widths.size(), line.size()));
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], ShownWidth(line[i]));
  }
  std::string out;
  for (const auto& line : lines) {
    std::string text = style.indent;
    for (size_t i = 0; i < line.size(); ++i)
      text += (i > 0 ? " | " : "") + PadTo(line[i], widths[i]);
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + "\n";
  }
  if (shown < diff.lines.size()) {
    out += fmt::format("{}.. and {} more\n", style.indent, diff.lines.size() - shown);
  }
  return out;
}

}  // namespace mainstem::sqltest
