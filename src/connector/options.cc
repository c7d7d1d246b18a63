#include "connector/options.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>
#include <arrow/type.h>

#include "core/config.h"
#include "core/suggest.h"

namespace mainstem::connector {

std::optional<std::string> TableOptions::Find(const std::string& name) const {
  auto found = table_.options.find(name);
  if (found == table_.options.end()) return std::nullopt;
  return found->second;
}

std::string TableOptions::Text(const std::string& name, std::string default_value) const {
  auto found = table_.options.find(name);
  return found == table_.options.end() ? std::move(default_value) : found->second;
}

std::string TableOptions::Path(const std::string& name, const std::string& base_directory) const {
  std::string path = Text(name, "");
  return path.empty() || path[0] == '/' ? path : base_directory + "/" + path;
}

bool TableOptions::Bool(const std::string& name, bool default_value) {
  std::optional<std::string> text = Find(name);
  if (!text) return default_value;
  if (absl::EqualsIgnoreCase(*text, "true")) return true;
  if (absl::EqualsIgnoreCase(*text, "false")) return false;
  Fail(name, "must be 'true' or 'false'");
  return default_value;
}

int64_t TableOptions::Integer(const std::string& name, int64_t default_value) {
  std::optional<std::string> text = Find(name);
  int64_t value = default_value;
  if (text && !absl::SimpleAtoi(*text, &value)) Fail(name, "must be a whole number");
  return value;
}

double TableOptions::Number(const std::string& name, double default_value) {
  std::optional<std::string> text = Find(name);
  double value = default_value;
  if (text && !absl::SimpleAtod(*text, &value)) Fail(name, "must be a number");
  return value;
}

Duration TableOptions::Time(const std::string& name, Duration default_value) {
  std::optional<std::string> text = Find(name);
  if (!text) return default_value;
  // The dialect also knows the long names of units, which core does not.
  static const std::vector<std::pair<std::string, std::string>> kLongUnits = {
      {"milliseconds", "ms"},
      {"millisecond", "ms"},
      {"millis", "ms"},
      {"seconds", "s"},
      {"second", "s"},
      {"sec", "s"},
      {"minutes", "m"},
      {"minute", "m"},
      {"min", "m"},
      {"hours", "h"},
      {"hour", "h"},
      {"days", "d"},
      {"day", "d"}};
  std::string normal = absl::AsciiStrToLower(*text);
  for (const auto& [long_unit, unit] : kLongUnits) {
    if (!absl::EndsWith(normal, long_unit)) continue;
    normal.replace(normal.size() - long_unit.size(), long_unit.size(), unit);
    break;
  }
  // Without a unit it counts milliseconds.
  int64_t plain;
  if (absl::SimpleAtoi(normal, &plain)) return std::chrono::milliseconds(plain);
  Result<int64_t> milliseconds = ParseDurationMs(normal);
  if (milliseconds.ok()) return std::chrono::milliseconds(*milliseconds);
  Fail(name, "must be a duration such as '10 s', '5 min' or '500 ms'");
  return default_value;
}

int64_t TableOptions::Bytes(const std::string& name, int64_t default_value) {
  std::optional<std::string> text = Find(name);
  if (!text) return default_value;
  Result<int64_t> bytes = ParseBytes(absl::AsciiStrToUpper(*text));
  if (!bytes.ok()) bytes = ParseBytes(*text);
  if (bytes.ok()) return *bytes;
  Fail(name, "must be a size such as '128MB'");
  return default_value;
}

size_t TableOptions::Choice(const std::string& name, const std::vector<std::string>& choices,
                            size_t default_index) {
  std::optional<std::string> text = Find(name);
  if (!text) return default_index;
  std::string known;
  for (size_t i = 0; i < choices.size(); ++i) {
    if (absl::EqualsIgnoreCase(*text, choices[i])) return i;
    known += (i == 0 ? "'" : ", '") + choices[i] + "'";
  }
  std::optional<std::string> near = NearestName(*text, choices);
  Fail(name, "must be one of " + known, near ? "did you mean '" + *near + "'?" : "");
  return default_index;
}

std::vector<std::string> TableOptions::List(const std::string& name) const {
  std::optional<std::string> text = Find(name);
  std::vector<std::string> items;
  if (!text) return items;
  for (absl::string_view item : absl::StrSplit(*text, ';', absl::SkipWhitespace())) {
    items.emplace_back(absl::StripAsciiWhitespace(item));
  }
  return items;
}

void TableOptions::Fail(const std::string& name, std::string problem, std::string hint) {
  if (!status_.ok()) return;
  std::optional<std::string> value = Find(name);
  std::string shown = value ? " = '" + *value + "'" : "";
  status_ = MakeError(
      ErrorCode::kInvalidArgument,
      {.message = "table '" + table_.name + "': option '" + name + "'" + shown + " " + problem,
       .hint = std::move(hint)});
}

namespace {

void CollectOptions(const TableDescriptor& table, const std::string& prefix,
                    format::FormatOptions* out) {
  for (auto it = table.options.lower_bound(prefix); it != table.options.end(); ++it) {
    if (!absl::StartsWith(it->first, prefix)) break;
    (*out)[it->first.substr(prefix.size())] = it->second;
  }
}

}  // namespace

FormatChoice ValueFormatOf(const TableDescriptor& table) {
  FormatChoice choice;
  for (const char* name : {"value.format", "format"}) {
    auto found = table.options.find(name);
    if (found == table.options.end()) continue;
    choice.format = found->second;
    break;
  }
  if (choice.format.empty()) return choice;
  CollectOptions(table, choice.format + ".", &choice.options);
  CollectOptions(table, "value." + choice.format + ".", &choice.options);
  return choice;
}

FormatChoice KeyFormatOf(const TableDescriptor& table) {
  FormatChoice choice;
  auto found = table.options.find("key.format");
  if (found == table.options.end()) return choice;
  choice.format = found->second;
  CollectOptions(table, "key." + choice.format + ".", &choice.options);
  return choice;
}

ColumnSplit SplitColumns(const TableDescriptor& table) {
  ColumnSplit split;
  for (int i = 0; i < table.schema->num_fields(); ++i) {
    const std::string& name = table.schema->field(i)->name();
    auto is_it = [&](const MetadataColumn& column) { return column.column == name; };
    auto found = std::find_if(table.metadata_columns.begin(), table.metadata_columns.end(), is_it);
    if (found == table.metadata_columns.end()) {
      split.physical.push_back(i);
    } else {
      split.metadata[i] = found->key;
    }
  }
  return split;
}

LookupOptions LookupOptionsOf(TableOptions* options) {
  LookupOptions lookup;
  const size_t cache = options->Choice("lookup.cache", {"NONE", "PARTIAL", "FULL"}, 0);
  if (cache == 2) {
    options->Fail("lookup.cache", "FULL is not supported",
                  "take PARTIAL, which keeps the rows that were looked up");
  }
  const bool is_old_form =
      options->Has("lookup.cache.max-rows") || options->Has("lookup.cache.ttl");
  lookup.caches = cache == 1 || (is_old_form && !options->Has("lookup.cache"));
  lookup.cache_rows_max = options->Integer("lookup.partial-cache.max-rows",
                                           options->Integer("lookup.cache.max-rows", -1));
  lookup.expires_after_write = options->Time("lookup.partial-cache.expire-after-write",
                                             options->Time("lookup.cache.ttl", Duration::zero()));
  lookup.expires_after_access =
      options->Time("lookup.partial-cache.expire-after-access", Duration::zero());
  lookup.caches_missing_keys =
      options->Bool("lookup.partial-cache.cache-missing-key",
                    options->Bool("lookup.cache.caching-missing-key", true));
  lookup.retries_max = static_cast<int>(options->Integer("lookup.max-retries", 3));
  if (lookup.retries_max < 0) options->Fail("lookup.max-retries", "must not be negative");
  return lookup;
}

std::vector<OptionSpec> LookupOptionSpecs() {
  return {
      {.name = "lookup.cache",
       .default_value = "NONE",
       .documentation = "PARTIAL keeps rows that a look-up join found."},
      {.name = "lookup.partial-cache.max-rows", .documentation = "Rows that it keeps at most."},
      {.name = "lookup.partial-cache.expire-after-write",
       .documentation = "How long a row is kept after it was read."},
      {.name = "lookup.partial-cache.expire-after-access",
       .documentation = "How long a row is kept after it was used."},
      {.name = "lookup.partial-cache.cache-missing-key",
       .default_value = "true",
       .documentation = "Whether it also keeps that a key has no row."},
      {.name = "lookup.max-retries",
       .default_value = "3",
       .documentation = "How often a look-up that failed is tried again before the job restarts."},
      {.name = "lookup.cache.max-rows", .documentation = "Older name of partial-cache.max-rows."},
      {.name = "lookup.cache.ttl", .documentation = "Older name of expire-after-write."},
      {.name = "lookup.cache.caching-missing-key",
       .documentation = "Older name of cache-missing-key."},
      {.name = "lookup.async", .documentation = "Accepted, without effect."},
  };
}

}  // namespace mainstem::connector
