// JSON values into Arrow builders: one appender for each column, nested ones for ROW, ARRAY and
// MAP. Private to format/: the json decoder drives it, and through it the formats that wrap JSON.
// Reads simdjson's on-demand stream once, left to right; nothing is materialised in between.
// Not thread-safe; one tree for each decoder.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <absl/container/flat_hash_map.h>
#include <arrow/api.h>
#include <simdjson.h>

#include "core/status.h"
#include "format/text_time.h"

namespace mainstem::format {

namespace ondemand = simdjson::ondemand;

// Containers within containers: deeper messages are refused, since reading them recurses.
inline constexpr int kMaxJsonDepth = 200;

struct JsonRules {
  bool fail_on_missing_field = false;
  bool ignore_parse_errors = false;  // a bad field is NULL
  TimestampStyle timestamp = TimestampStyle::kSql;
  TimestampStyle timestamp_ltz = TimestampStyle::kSqlZulu;
};

enum class JsonOutcome : uint8_t {
  kOk,
  kBadValue,   // a value that its column cannot take
  kBroken,     // not JSON
  kDuplicate,  // a key occurs twice: to be read again with last_wins
};

// What one message's appenders share: the rules and the first error.
class JsonContext {
 public:
  explicit JsonContext(JsonRules rules) : rules(rules) {}

  // kOk where bad values are ignored: the caller has appended NULL.
  JsonOutcome BadValue(const std::string& path, std::string_view value, std::string_view expected);
  JsonOutcome Missing(const std::string& path);
  JsonOutcome Broken(simdjson::error_code error);
  JsonOutcome Broken(std::string text);

  const JsonRules rules;
  // Slow mode for messages with duplicate keys: each object is read twice.
  bool last_wins = false;
  std::string error;
  const char* error_position = nullptr;  // within the message, null: unknown
};

// Appends exactly one slot a call, whatever happens: NULL where there is no value.
class JsonAppender {
 public:
  JsonAppender(std::string path, arrow::ArrayBuilder* builder)
      : path_(std::move(path)), builder_(builder) {}
  virtual ~JsonAppender() = default;
  virtual JsonOutcome Append(ondemand::value value, int depth, JsonContext* context) = 0;
  void AppendNull() { CHECK_OK(builder_->AppendNull()); }
  const std::string& path() const { return path_; }

 protected:
  std::string path_;  // "a.b[]", for messages
  arrow::ArrayBuilder* builder_;
};

// `builder` outlives the appender. Unsupported for types that JSON cannot carry.
Result<std::unique_ptr<JsonAppender>> MakeJsonAppender(const std::string& path,
                                                       arrow::ArrayBuilder* builder);

// The fields of one object into one slot of each of their columns.
class JsonObjectReader {
 public:
  // `fields` in column order; the key of each is its name.
  JsonObjectReader(std::vector<std::string> names,
                   std::vector<std::unique_ptr<JsonAppender>> fields);
  JsonOutcome Read(ondemand::object object, int depth, JsonContext* context);
  size_t longest_name() const { return longest_name_; }

 private:
  // What stood at this place in the messages before; -1: a key nobody asked for.
  struct Expected {
    std::string raw_key;
    int field = -1;
  };
  JsonOutcome ReadFields(ondemand::object object, int depth, JsonContext* context);
  // The column of the key whose text begins at `raw`, behind its quote; -1: nobody asked for it.
  JsonOutcome FindField(const char* raw, size_t ordinal, JsonContext* context, int* index);
  JsonOutcome FindLast(ondemand::object object, JsonContext* context);
  JsonOutcome FillMissing(JsonOutcome outcome, JsonContext* context);

  std::vector<std::string> names_;
  std::vector<std::unique_ptr<JsonAppender>> fields_;
  absl::flat_hash_map<std::string, int> by_name_;
  std::vector<Expected> expected_;
  std::vector<uint64_t> seen_;  // value of round_ when the field was last appended
  std::vector<size_t> last_;    // slow mode: ordinal of the field's last occurrence
  uint64_t round_ = 0;
  size_t longest_name_ = 0;
};

// Reads over a value that nobody wants, checking that it is JSON.
JsonOutcome SkipJsonValue(ondemand::value value, int depth, JsonContext* context);

}  // namespace mainstem::format
