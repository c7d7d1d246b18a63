// Writes JSON text: places commas, escapes strings, and replaces bytes that are not UTF-8 by
// U+FFFD, so that whatever it is given the output is valid. One per document; not thread-safe.
//   JsonWriter json;
//   json.BeginObject().Field("topic", name).Key("offsets").BeginArray().Value(1).EndArray();
//   json.EndObject();
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace mainstem {

class JsonWriter {
 public:
  JsonWriter& BeginObject();
  JsonWriter& EndObject();
  JsonWriter& BeginArray();
  JsonWriter& EndArray();
  JsonWriter& Key(std::string_view key);
  JsonWriter& Value(std::string_view text);
  JsonWriter& Value(const char* text) { return Value(std::string_view(text)); }
  JsonWriter& Value(const std::string& text) { return Value(std::string_view(text)); }
  JsonWriter& Value(bool value);
  JsonWriter& Value(double value);  // null when not finite: JSON has no such number
  template <std::integral T>
  requires(!std::same_as<T, bool>) JsonWriter& Value(T value) {
    if constexpr (std::is_signed_v<T>) {
      return Integer(static_cast<int64_t>(value));
    } else {
      return Unsigned(static_cast<uint64_t>(value));
    }
  }
  JsonWriter& Null();
  // `json` must be one valid JSON value; it is copied as it stands.
  JsonWriter& Raw(std::string_view json);
  template <typename T>
  JsonWriter& Field(std::string_view key, const T& value) {
    Key(key);
    return Value(value);
  }

  const std::string& text() const { return text_; }
  std::string Take() { return std::move(text_); }

 private:
  JsonWriter& Integer(int64_t value);
  JsonWriter& Unsigned(uint64_t value);
  void Separate();

  std::string text_;
  bool needs_comma_ = false;
};

// `text` as a JSON string with its quotes.
std::string JsonQuote(std::string_view text);

}  // namespace mainstem
