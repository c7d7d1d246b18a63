// Typed reading of a table's WITH options, with Flink's ways of writing sizes, durations and lists.
// Used by connectors when they are made; the names were checked by the registry before.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "connector/registry.h"
#include "connector/table.h"
#include "core/executor.h"
#include "core/status.h"
#include "format/format.h"

namespace mainstem::connector {

// Remembers the first bad value: read everything, then look at status(). `table` outlives it.
class TableOptions {
 public:
  explicit TableOptions(const TableDescriptor& table) : table_(table) {}

  bool Has(const std::string& name) const { return table_.options.count(name) > 0; }
  std::optional<std::string> Find(const std::string& name) const;
  std::string Text(const std::string& name, std::string default_value) const;
  // That of a file: a relative one is of `base_directory`. Empty when it is not given.
  std::string Path(const std::string& name, const std::string& base_directory) const;
  bool Bool(const std::string& name, bool default_value);
  int64_t Integer(const std::string& name, int64_t default_value);
  double Number(const std::string& name, double default_value);
  Duration Time(const std::string& name, Duration default_value);  // '10 s', '1 min', '500 ms'
  int64_t Bytes(const std::string& name, int64_t default_value);   // '128MB'
  // One of `choices` (case ignored), its index.
  size_t Choice(const std::string& name, const std::vector<std::string>& choices,
                size_t default_index);
  std::vector<std::string> List(const std::string& name) const;  // 'a;b'
  void Fail(const std::string& name, std::string problem, std::string hint = "");
  const Status& status() const { return status_; }

 private:
  const TableDescriptor& table_;
  Status status_;
};

// The format of a table's values or keys, as its options name it.
struct FormatChoice {
  std::string format;  // 'json'; empty: none given
  format::FormatOptions options;
};
// 'format' or 'value.format', with '<format>.x' and 'value.<format>.x'.
FormatChoice ValueFormatOf(const TableDescriptor& table);
// 'key.format' with 'key.<format>.x'.
FormatChoice KeyFormatOf(const TableDescriptor& table);

// Options 'lookup.*', Flink's names and the older ones of its jdbc connector; wrong ones fail
// `options`.
LookupOptions LookupOptionsOf(TableOptions* options);
std::vector<OptionSpec> LookupOptionSpecs();

// Splits a schema into its physical columns and the rest. Indices are the descriptor's.
struct ColumnSplit {
  std::vector<int> physical;
  // Column index -> metadata key.
  std::map<int, std::string> metadata;
};
ColumnSplit SplitColumns(const TableDescriptor& table);

}  // namespace mainstem::connector
