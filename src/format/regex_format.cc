// Ours: a line matched whole by a regular expression; its named groups are the columns.
#include <arrow/api.h>
#include <re2/re2.h>

#include "core/suggest.h"
#include "format/format_options.h"
#include "format/formats.h"
#include "format/text_column.h"

namespace mainstem::format {
namespace {

class RegexDecoder final : public Decoder {
 public:
  RegexDecoder(std::shared_ptr<arrow::Schema> output, std::unique_ptr<re2::RE2> pattern)
      : output_(output), pattern_(std::move(pattern)), rows_(std::move(output)) {}

  Status Init(const TextRules& rules, std::optional<std::string> null_literal,
              bool ignore_parse_errors) {
    null_literal_ = std::move(null_literal);
    ignore_parse_errors_ = ignore_parse_errors;
    const std::map<std::string, int>& groups = pattern_->NamedCapturingGroups();
    for (int i = 0; i < output_->num_fields(); ++i) {
      ASSIGN_OR_RETURN(auto appender,
                       MakeTextAppender(output_->field(i)->name(), rows_.builder(i), rules));
      appenders_.push_back(std::move(appender));
      groups_.push_back(groups.at(output_->field(i)->name()));
    }
    submatches_.resize(static_cast<size_t>(pattern_->NumberOfCapturingGroups()) + 1);
    return Status::OK();
  }

  Result<DecodedMessages> Decode(std::span<const std::string_view> messages) override {
    DecodedMessages out;
    for (size_t i = 0; i < messages.size(); ++i) {
      std::string_view line = messages[i];
      if (line.data() == nullptr) continue;
      while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
      line = ReplaceInvalidUtf8(line, &utf8_scratch_);
      ErrorText problem;
      if (DecodeLine(line, static_cast<uint32_t>(i), &problem)) continue;
      if (ignore_parse_errors_) {
        ++out.skipped;
      } else {
        out.rejected.push_back(
            {.index = i, .cause = MakeError(ErrorCode::kDecodeError, std::move(problem))});
      }
    }
    RETURN_IF_ERROR(rows_.Finish(&out));
    return out;
  }

 private:
  bool DecodeLine(std::string_view line, uint32_t index, ErrorText* problem) {
    if (!pattern_->Match(re2::StringPiece(line.data(), line.size()), 0, line.size(),
                         re2::RE2::ANCHOR_BOTH, submatches_.data(),
                         static_cast<int>(submatches_.size()))) {
      problem->message = "the line does not match 'regex.pattern'";
      return false;
    }
    bool keep = true;
    for (size_t i = 0; i < appenders_.size(); ++i) {
      const re2::StringPiece& group = submatches_[static_cast<size_t>(groups_[i])];
      std::string_view text(group.data(), group.size());
      if (!keep || group.data() == nullptr || (null_literal_ && text == *null_literal_)) {
        appenders_[i]->AppendNull();
        continue;
      }
      if (appenders_[i]->Append(text) || ignore_parse_errors_) continue;
      keep = false;
      problem->message = "field '" + output_->field(static_cast<int>(i))->name() + "': '" +
                         std::string(text.substr(0, 80)) + "' is not " +
                         std::string(appenders_[i]->expected());
      problem->detail = "at byte " + std::to_string(text.data() - line.data()) + " of the line";
    }
    rows_.EndRow(index, RowKind::kInsert, keep);
    return keep;
  }

  std::shared_ptr<arrow::Schema> output_;
  std::unique_ptr<re2::RE2> pattern_;
  RowSet rows_;
  std::vector<std::unique_ptr<TextAppender>> appenders_;
  std::vector<int> groups_;
  std::vector<re2::StringPiece> submatches_;
  std::optional<std::string> null_literal_;
  bool ignore_parse_errors_ = false;
  std::string utf8_scratch_;
};

}  // namespace

Result<std::unique_ptr<Decoder>> MakeRegexDecoder(DecodeTarget target,
                                                  const FormatOptions& options) {
  OptionReader reader("regex", options);
  if (!reader.Has("pattern")) {
    return MakeError(ErrorCode::kInvalidArgument,
                     {.message = "format 'regex' needs the option 'regex.pattern'",
                      .hint = "give each column a named group: '(?P<ip>\\S+) (?P<status>\\d+)'"});
  }
  // Java writes (?<name>...), RE2 of this age only (?P<name>...).
  std::string pattern_text = reader.Text("pattern", "");
  for (size_t at = pattern_text.find("(?<"); at != std::string::npos;
       at = pattern_text.find("(?<", at + 3)) {
    char next = at + 3 < pattern_text.size() ? pattern_text[at + 3] : '=';
    bool escaped = at > 0 && pattern_text[at - 1] == '\\';
    if (next != '=' && next != '!' && !escaped) pattern_text.insert(at + 2, 1, 'P');
  }
  re2::RE2::Options re2_options;
  re2_options.set_log_errors(false);
  auto pattern = std::make_unique<re2::RE2>(pattern_text, re2_options);
  if (!pattern->ok()) {
    return MakeError(
        ErrorCode::kInvalidArgument,
        {.message = "option 'regex.pattern' is not a regular expression: " + pattern->error(),
         .hint = "the syntax is RE2's (no look-around, no back-references)"});
  }
  std::vector<std::string> names;
  for (const auto& [name, index] : pattern->NamedCapturingGroups()) names.push_back(name);
  for (const auto& field : target.schema->fields()) {
    if (pattern->NamedCapturingGroups().count(field->name()) > 0) continue;
    return MakeError(ErrorCode::kInvalidArgument,
                     {.message = "column '" + field->name() + "' has no group in 'regex.pattern'",
                      .hint = SuggestionFor(field->name(), names)});
  }
  TextRules rules;
  rules.base64_bytes = false;
  if (reader.Has("timestamp-format")) {
    ASSIGN_OR_RETURN(auto timestamp,
                     TimestampPattern::Compile(reader.Text("timestamp-format", "")));
    rules.timestamp_pattern = std::move(timestamp);
  }
  std::optional<std::string> null_literal;
  if (reader.Has("null-literal")) null_literal = reader.Text("null-literal", "");
  bool ignore_parse_errors = reader.Bool("ignore-parse-errors", false);
  RETURN_IF_ERROR(reader.status());
  auto decoder = std::make_unique<RegexDecoder>(target.OutputSchema(), std::move(pattern));
  RETURN_IF_ERROR(decoder->Init(rules, std::move(null_literal), ignore_parse_errors));
  return decoder;
}

}  // namespace mainstem::format
