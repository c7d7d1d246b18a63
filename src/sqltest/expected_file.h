// The files of expect/: a line of column names, then a row a line, fields between " | ". A
// changelog has the rows' kinds in the column "op". Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "core/status.h"
#include "sqltest/text_row.h"

namespace mainstem::sqltest {

enum class ExpectedForm : uint8_t { kTable, kChangelog };

// A field as it stands in a file and on the screen: in quotes where it would be ambiguous.
std::string ShownField(const std::optional<std::string>& field);

// Rows with aligned columns, ending in newlines. Kinds are left out for kTable.
std::string PrintExpected(ExpectedForm form, const std::vector<std::string>& columns,
                          const std::vector<TextRow>& rows);

// The columns must be those of the sink, in order. Errors show file, line and place.
struct ExpectedText {
  std::string path;  // for messages
  ExpectedForm form = ExpectedForm::kTable;
  std::string text = {};
};
Result<std::vector<TextRow>> ParseExpected(const ExpectedText& file,
                                           const std::vector<std::string>& columns);

// How many columns of the terminal a text takes: its code points.
size_t ShownWidth(std::string_view text);
std::string PadTo(std::string text, size_t width);

}  // namespace mainstem::sqltest
