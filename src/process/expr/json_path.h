// JSON documents and SQL/JSON paths: finding values and writing them out again in compact form.
// A JsonReader keeps the parser's memory; use one per call, on one thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mainstem::process {

// `[lax|strict] $.key['key'][0]`, `['a','b']`, `[-1]`, `[0,2]`, `[1:3]`, `[*]`, `.*`, `..key` and
// `.length()` at the end; strict where nothing is said, as in Calcite. Immutable.
class JsonPath {
 public:
  static std::optional<JsonPath> Make(std::string_view text);
  bool strict() const { return strict_; }
  // True if a step may find several values, so that the path finds a list of values.
  bool is_indefinite() const { return indefinite_; }
  // Only keys and places, each one.
  bool is_plain() const { return plain_; }

  struct Step {
    enum class Kind : uint8_t { kKeys, kPlaces, kSlice, kAny, kDeep, kLength };
    Kind kind;
    std::vector<std::string> keys = {};
    std::vector<int64_t> places = {};  // from 0; negative: from the end
    std::optional<int64_t> from = {};  // kSlice: [from, to)
    std::optional<int64_t> to = {};
  };
  const std::vector<Step>& steps() const { return steps_; }

 private:
  bool strict_ = true;
  bool indefinite_ = false;
  bool plain_ = true;
  std::vector<Step> steps_;
};

struct JsonItem {
  enum class Kind : uint8_t { kNull, kBoolean, kNumber, kString, kArray, kObject };
  Kind kind;
  std::string json;  // compact text, the members of objects in the order of their keys
  std::string text;  // of a string: its characters
  bool is_scalar() const { return kind < Kind::kArray; }
};

class JsonReader {
 public:
  JsonReader();
  ~JsonReader();

  // The kind of the whole document, or empty if it is not JSON.
  std::optional<JsonItem::Kind> KindOf(std::string_view document);
  enum class Found : uint8_t { kItems, kMissing, kInvalid };
  // Values at the path. kMissing: none, though an indefinite path may find an empty list; kInvalid:
  // the document is not JSON.
  Found Find(std::string_view document, const JsonPath& path, std::vector<JsonItem>* items);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The members of an object, by key: the dialect writes them in this order, of equal keys the last.
using JsonMembers = std::map<std::string, std::string>;
void AppendJsonObject(const JsonMembers& members, std::string* out);

// A number of JSON as Java's BigDecimal writes it: 1e5 is 1E+5, and 1.50 stays 1.50.
std::string JavaNumber(std::string_view token);

// Appends `text` as a JSON string with its quotes.
void AppendJsonString(std::string_view text, std::string* out);

}  // namespace mainstem::process
