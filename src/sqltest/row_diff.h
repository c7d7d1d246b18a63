// What differs between the rows that were expected and those that came, told to a person. Pure.
#pragma once

#include <string>
#include <vector>

#include "sqltest/expected_file.h"
#include "sqltest/text_row.h"

namespace mainstem::sqltest {

enum class DiffMark : uint8_t {
  kSame,        // shown for its neighbours' sake
  kMissing,     // expected, did not come
  kUnexpected,  // came, was not expected
  kExpected,    // of a pair: as it should be ..
  kGot,         // .. and as it is
};
std::string_view ToString(DiffMark mark);  // "missing"

struct DiffLine {
  DiffMark mark;
  TextRow row;
};

struct RowDiff {
  std::vector<DiffLine> lines;  // pairs stand together, kExpected first
  size_t missing = 0;
  size_t unexpected = 0;
  size_t differing = 0;  // pairs
  bool same_in_other_order = false;

  bool empty() const { return lines.empty(); }
  // "1 missing, 2 unexpected"
  std::string Summary() const;
};

// Order does not matter; kinds neither. `key`: columns by which rows are paired; empty: those that
// are alike are.
RowDiff DiffTables(const std::vector<Fields>& expected, const std::vector<Fields>& got,
                   const std::vector<int>& key);
// Change after change.
RowDiff DiffChangelogs(const std::vector<TextRow>& expected, const std::vector<TextRow>& got);

// Aligned columns under their names, `indent` before each line; at most `lines_max` rows, then how
// many more there are.
struct DiffStyle {
  std::string indent = "  ";
  size_t lines_max = 40;
};
std::string Render(const RowDiff& diff, ExpectedForm form, const std::vector<std::string>& columns,
                   const DiffStyle& style);

}  // namespace mainstem::sqltest
