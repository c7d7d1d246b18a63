// JSON objects to rows. All messages of a call are copied into one padded buffer, then each is
// parsed on its own, so that a broken one cannot hide its neighbours.
#include "format/formats.h"
#include "format/json_options.h"

namespace mainstem::format {
namespace {

class JsonDecoder final : public Decoder {
 public:
  static Result<std::unique_ptr<Decoder>> Make(const DecodeTarget& target, JsonRules rules) {
    auto decoder = std::make_unique<JsonDecoder>(target.OutputSchema(), rules);
    std::vector<std::string> names;
    std::vector<std::unique_ptr<JsonAppender>> fields;
    for (int i = 0; i < decoder->schema_->num_fields(); ++i) {
      const std::string& name = decoder->schema_->field(i)->name();
      ASSIGN_OR_RETURN(auto field, MakeJsonAppender(name, decoder->rows_.builder(i)));
      names.push_back(name);
      fields.push_back(std::move(field));
    }
    decoder->reader_ = std::make_unique<JsonObjectReader>(std::move(names), std::move(fields));
    return decoder;
  }

  JsonDecoder(std::shared_ptr<arrow::Schema> schema, JsonRules rules)
      : schema_(schema), rows_(std::move(schema)), context_(rules) {}

  Result<DecodedMessages> Decode(std::span<const std::string_view> messages) override {
    DecodedMessages out;
    CopyPadded(messages);
    rows_.Reserve(messages.size());
    size_t offset = 0;
    for (size_t i = 0; i < messages.size(); ++i) {
      if (messages[i].data() != nullptr) DecodeOne(offset, messages[i].size(), i, &out);
      offset += messages[i].size();
    }
    RETURN_IF_ERROR(rows_.Finish(&out));
    return out;
  }

 private:
  void CopyPadded(std::span<const std::string_view> messages) {
    size_t total = 0;
    for (std::string_view message : messages) total += message.size();
    // Keys are compared without looking at the end of the text.
    size_t padding = simdjson::SIMDJSON_PADDING + reader_->longest_name() + 128;
    buffer_.resize(total + padding);
    size_t offset = 0;
    for (std::string_view message : messages) {
      if (message.empty()) continue;
      std::memcpy(buffer_.data() + offset, message.data(), message.size());
      offset += message.size();
    }
    std::memset(buffer_.data() + total, 0, padding);
  }

  void DecodeOne(size_t offset, size_t size, size_t index, DecodedMessages* out) {
    context_.last_wins = false;
    JsonOutcome outcome = Parse(offset, size, index);
    // A bad value may be one that a later one of the same key replaces.
    if (outcome == JsonOutcome::kDuplicate || outcome == JsonOutcome::kBadValue) {
      context_.last_wins = true;
      outcome = Parse(offset, size, index);
    }
    if (outcome == JsonOutcome::kOk) return;
    if (context_.rules.ignore_parse_errors) {
      ++out->skipped;
      return;
    }
    ErrorText text{.message = std::move(context_.error)};
    const char* begin = buffer_.data() + offset;
    if (context_.error_position >= begin && context_.error_position < begin + size) {
      text.detail =
          "at byte " + std::to_string(context_.error_position - begin) + " of the message";
    }
    out->rejected.push_back(
        {.index = index, .cause = MakeError(ErrorCode::kDecodeError, std::move(text))});
  }

  JsonOutcome Parse(size_t offset, size_t size, size_t index) {
    context_.error_position = nullptr;
    ondemand::document document;
    const char* begin = buffer_.data() + offset;
    simdjson::padded_string_view view(begin, size, buffer_.size() - offset);
    if (auto error = parser_.iterate(view).get(document)) return context_.Broken(error);
    ondemand::object object;
    if (auto error = document.get_object().get(object)) {
      return error == simdjson::INCORRECT_TYPE ? context_.Broken("the message is not an object")
                                               : context_.Broken(error);
    }
    JsonOutcome outcome = reader_->Read(object, 1, &context_);
    const char* rest;
    bool at_end = document.current_location().get(rest) == simdjson::OUT_OF_BOUNDS;
    if (outcome == JsonOutcome::kOk && !at_end) {
      outcome = context_.Broken("text after the object's end");
    }
    if (outcome == JsonOutcome::kBroken && context_.error_position == nullptr) {
      const char* where;
      if (!document.current_location().get(where)) context_.error_position = where;
    }
    rows_.EndRow(static_cast<uint32_t>(index), RowKind::kInsert, outcome == JsonOutcome::kOk);
    return outcome;
  }

  std::shared_ptr<arrow::Schema> schema_;
  RowSet rows_;
  JsonContext context_;
  std::unique_ptr<JsonObjectReader> reader_;
  ondemand::parser parser_;
  std::vector<char> buffer_;
};

}  // namespace

Result<JsonRules> ReadJsonRules(const std::string& format, const FormatOptions& options) {
  OptionReader reader(format, options);
  JsonRules rules;
  rules.fail_on_missing_field = reader.Bool("fail-on-missing-field", false);
  rules.ignore_parse_errors = reader.Bool("ignore-parse-errors", false);
  if (reader.Choice("timestamp-format.standard", {"SQL", "ISO-8601"}, 0) == 1) {
    rules.timestamp = TimestampStyle::kIso;
    rules.timestamp_ltz = TimestampStyle::kIsoZulu;
  }
  if (rules.fail_on_missing_field && rules.ignore_parse_errors) {
    reader.Fail("fail-on-missing-field", "cannot go with 'ignore-parse-errors' = 'true'");
  }
  RETURN_IF_ERROR(reader.status());
  return rules;
}

Result<std::unique_ptr<Decoder>> MakeJsonDecoder(DecodeTarget target,
                                                 const FormatOptions& options) {
  ASSIGN_OR_RETURN(JsonRules rules, ReadJsonRules("json", options));
  return JsonDecoder::Make(target, rules);
}

}  // namespace mainstem::format
