#include "sqltest/text_row.h"

#include <map>

namespace mainstem::sqltest {
namespace {

bool Adds(const TextRow& row) { return row.kind == "+I" || row.kind == "+U"; }

}  // namespace

std::vector<Fields> Fold(const std::vector<TextRow>& rows) {
  std::map<Fields, int64_t> counts;
  for (const TextRow& row : rows) counts[row.fields] += Adds(row) ? 1 : -1;
  std::vector<Fields> left;
  for (const auto& [fields, count] : counts) {
    for (int64_t i = 0; i < count; ++i) left.push_back(fields);
    if (count < 0) left.push_back({"taken back, never there: ", fields.empty() ? "" : fields[0]});
  }
  return left;
}

std::vector<Fields> FoldByKey(const std::vector<TextRow>& rows, const std::vector<int>& key) {
  std::map<Fields, Fields> by_key;
  for (const TextRow& row : rows) {
    Fields values;
    for (int column : key) values.push_back(row.fields[static_cast<size_t>(column)]);
    if (Adds(row)) {
      by_key[values] = row.fields;
    } else if (row.kind == "-D") {
      by_key.erase(values);
    }
  }
  std::vector<Fields> left;
  for (auto& [values, fields] : by_key) left.push_back(std::move(fields));
  std::sort(left.begin(), left.end());
  return left;
}

std::string ToText(const TextRow& row) {
  std::string out = row.kind;
  for (const auto& field : row.fields) out += " | " + field.value_or("<NULL>");
  return out;
}

}  // namespace mainstem::sqltest
