// JSON 1.0 and 1.1. simdjson reads, JsonWriter writes.
#include <mutex>

#include <fmt/format.h>
#include <simdjson.h>

#include "core/json_writer.h"
#include "gateway/aws/body_codec.h"
#include "gateway/aws/codecs.h"

namespace mainstem::gateway::aws {

namespace dom = simdjson::dom;

// Parsers that no document uses. Those of large bodies are not kept.
class JsonParserPool {
 public:
  std::unique_ptr<dom::parser> Take() {
    std::lock_guard lock(mutex_);
    if (parsers_.empty()) return std::make_unique<dom::parser>();
    auto parser = std::move(parsers_.back());
    parsers_.pop_back();
    return parser;
  }
  void Give(std::unique_ptr<dom::parser> parser) {
    if (parser->capacity() > kParserBytesMax) return;
    std::lock_guard lock(mutex_);
    if (parsers_.size() < kParsersMax) parsers_.push_back(std::move(parser));
  }

 private:
  static constexpr size_t kParsersMax = 8;
  static constexpr size_t kParserBytesMax = 2 << 20;  // of the bodies that it has room for

  std::mutex mutex_;  // guards parsers_
  std::vector<std::unique_ptr<dom::parser>> parsers_;
};

namespace {

struct ParsedJson {
  explicit ParsedJson(std::shared_ptr<JsonParserPool> given)
      : pool(std::move(given)), parser(pool->Take()) {}
  ~ParsedJson() { pool->Give(std::move(parser)); }

  std::shared_ptr<JsonParserPool> pool;
  std::unique_ptr<dom::parser> parser;
};

Status BadJson(std::string_view why) {
  return MakeError(ErrorCode::kDecodeError,
                   {.message = "the body is not JSON", .detail = std::string(why)});
}

// simdjson takes room for each token: a body that is nothing but tokens is refused before. Keys of
// records may hold commas, too.
constexpr size_t kCommasAMember = 5;

bool HasTooManyCommas(std::string_view body, size_t members_max) {
  if (body.size() / kCommasAMember <= members_max) return false;
  size_t count = 0;
  for (size_t at = body.find(','); at != std::string_view::npos; at = body.find(',', at + 1)) {
    if (++count > kCommasAMember * members_max) return true;
  }
  return false;
}

struct JsonConverter {
  Status Convert(dom::element element, int depth, Value* out);
  int depth_max;
  size_t members_left;
};

Status JsonConverter::Convert(dom::element element, int depth, Value* out) {
  if (depth > depth_max) return BadJson("it is nested too deeply");
  if (members_left-- == 0) return BadJson("it has too many members");
  switch (element.type()) {
    case dom::element_type::NULL_VALUE: break;
    case dom::element_type::BOOL:
      out->kind = Value::Kind::kBoolean;
      out->boolean = element.get_bool().value_unsafe();
      break;
    case dom::element_type::INT64:
      out->kind = Value::Kind::kInteger;
      out->integer = element.get_int64().value_unsafe();
      break;
    case dom::element_type::UINT64:
      out->kind = Value::Kind::kDouble;
      out->number = static_cast<double>(element.get_uint64().value_unsafe());
      break;
    case dom::element_type::DOUBLE:
      out->kind = Value::Kind::kDouble;
      out->number = element.get_double().value_unsafe();
      break;
    case dom::element_type::STRING:
      out->kind = Value::Kind::kString;
      out->text = element.get_string().value_unsafe();
      break;
    case dom::element_type::ARRAY: {
      out->kind = Value::Kind::kList;
      dom::array array = element.get_array().value_unsafe();
      out->members.reserve(std::min(array.size(), members_left));
      for (dom::element item : array) {
        out->members.emplace_back();
        RETURN_IF_ERROR(Convert(item, depth + 1, &out->members.back().value));
      }
      break;
    }
    case dom::element_type::OBJECT: {
      out->kind = Value::Kind::kMap;
      dom::object object = element.get_object().value_unsafe();
      out->members.reserve(std::min(object.size(), members_left));
      for (auto [name, item] : object) {
        out->members.emplace_back();
        out->members.back().name = name;
        RETURN_IF_ERROR(Convert(item, depth + 1, &out->members.back().value));
      }
      break;
    }
  }
  return Status::OK();
}

class JsonBodyWriter final : public BodyWriter {
 public:
  BodyWriter& BeginMap() override { return json_.BeginObject(), *this; }
  BodyWriter& EndMap() override { return json_.EndObject(), *this; }
  BodyWriter& BeginList() override { return json_.BeginArray(), *this; }
  BodyWriter& EndList() override { return json_.EndArray(), *this; }
  BodyWriter& Key(std::string_view key) override { return json_.Key(key), *this; }
  BodyWriter& String(std::string_view text) override { return json_.Value(text), *this; }
  BodyWriter& Bytes(std::string_view bytes) override {
    scratch_.assign(1, '"');
    AppendBase64(bytes, &scratch_);
    scratch_.push_back('"');
    json_.Raw(scratch_);
    return *this;
  }
  BodyWriter& Integer(int64_t value) override { return json_.Value(value), *this; }
  BodyWriter& Double(double value) override { return json_.Value(value), *this; }
  BodyWriter& Boolean(bool value) override { return json_.Value(value), *this; }
  // Seconds, with the milliseconds behind the point.
  BodyWriter& Time(int64_t milliseconds) override {
    bool negative = milliseconds < 0;
    uint64_t size =
        negative ? -static_cast<uint64_t>(milliseconds) : static_cast<uint64_t>(milliseconds);
    json_.Raw(fmt::format("{}{}.{:03}", negative ? "-" : "", size / 1000, size % 1000));
    return *this;
  }
  size_t bytes() const override { return json_.text().size(); }
  std::string Take() override { return json_.Take(); }

 private:
  JsonWriter json_;
  std::string scratch_;
};

}  // namespace

std::shared_ptr<JsonParserPool> MakeJsonParserPool() { return std::make_shared<JsonParserPool>(); }

Result<Document> DecodeJson(std::shared_ptr<JsonParserPool> pool, std::string body,
                            JsonLimits limits) {
  if (HasTooManyCommas(body, limits.members_max)) return BadJson("it has too many members");
  auto parsed = std::make_shared<ParsedJson>(std::move(pool));
  // The parser keeps the texts itself: the body goes when this returns.
  body.reserve(body.size() + simdjson::SIMDJSON_PADDING);
  dom::element root;
  auto error = parsed->parser->parse(body.data(), body.size(), false).get(root);
  if (error != simdjson::SUCCESS) return BadJson(simdjson::error_message(error));
  Document document;
  JsonConverter converter{.depth_max = limits.depth_max, .members_left = limits.members_max};
  RETURN_IF_ERROR(converter.Convert(root, 0, &document.root));
  document.owner = std::move(parsed);
  return document;
}

std::unique_ptr<BodyWriter> MakeJsonWriter() { return std::make_unique<JsonBodyWriter>(); }

}  // namespace mainstem::gateway::aws
