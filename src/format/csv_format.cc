// One CSV line a message: quoting, escapes, NULL texts and comments as the dialect's csv format
// has them. Columns go by position; there is no header line.
#include <arrow/api.h>

#include "format/csv_quoting.h"
#include "format/format_options.h"
#include "format/formats.h"
#include "format/text_column.h"

namespace mainstem::format {
namespace {

struct CsvRules {
  char delimiter = ',';
  std::optional<char> quote = '"';
  std::optional<char> escape;
  std::optional<std::string> null_literal;
  bool allow_comments = false;
  bool ignore_parse_errors = false;
  bool trim_spaces = false;
  bool allow_trailing_comma = true;
  bool ignore_trailing = false;
  bool fail_on_missing = false;
  bool empty_is_null = false;
  bool scientific_decimals = true;
  char array_delimiter = ';';
};

Result<CsvRules> ReadCsvRules(const FormatOptions& options) {
  OptionReader reader("csv", options);
  CsvRules rules;
  rules.delimiter = reader.Character("field-delimiter", ',');
  rules.quote = reader.Character("quote-character", '"');
  if (reader.Bool("disable-quote-character", false)) {
    if (reader.Has("quote-character")) {
      reader.Fail("disable-quote-character", "cannot go with 'csv.quote-character'");
    }
    rules.quote.reset();
  }
  if (reader.Has("escape-character")) rules.escape = reader.Character("escape-character", '\\');
  if (reader.Has("null-literal")) rules.null_literal = reader.Text("null-literal", "");
  rules.allow_comments = reader.Bool("allow-comments", false);
  rules.ignore_parse_errors = reader.Bool("ignore-parse-errors", false);
  rules.trim_spaces = reader.Bool("trim-spaces", false);
  rules.allow_trailing_comma = reader.Bool("allow-trailing-comma", true);
  rules.ignore_trailing = reader.Bool("ignore-trailing-unmappable", false);
  rules.fail_on_missing = reader.Bool("fail-on-missing-columns", false);
  rules.empty_is_null = reader.Bool("empty-string-as-null", false);
  rules.scientific_decimals = reader.Bool("write-bigdecimal-in-scientific-notation", true);
  std::string array_delimiter = reader.Text("array-element-delimiter", ";");
  if (array_delimiter.size() != 1) {
    reader.Fail("array-element-delimiter", "must be a single ASCII character");
  } else {
    rules.array_delimiter = array_delimiter[0];
  }
  RETURN_IF_ERROR(reader.status());
  return rules;
}

struct CsvField {
  std::string_view text;
  size_t position = 0;  // of its first byte in the line
};

// Cuts a line into fields. The views live until the next call.
class CsvSplitter {
 public:
  explicit CsvSplitter(const CsvRules& rules) : rules_(rules) {}

  // False: a quote is not closed or followed by text; `problem` says so.
  bool Split(std::string_view line, std::vector<CsvField>* fields, std::string* problem) {
    fields->clear();
    used_ = 0;
    size_t i = 0;
    while (true) {
      if (rules_.trim_spaces) i = SkipSpaces(line, i);
      size_t begin = i;
      std::string_view text;
      if (rules_.quote && i < line.size() && line[i] == *rules_.quote) {
        if (!Quoted(line, &i, &text, problem)) return false;
      } else {
        text = Plain(line, &i);
        if (rules_.trim_spaces) text = TrimText(text);
      }
      fields->push_back({text, begin});
      if (i >= line.size()) return true;
      ++i;  // the delimiter
    }
  }

 private:
  static size_t SkipSpaces(std::string_view line, size_t i) {
    while (i < line.size() && line[i] == ' ') ++i;
    return i;
  }
  std::string* Scratch() {
    if (used_ == scratch_.size()) scratch_.push_back(std::make_unique<std::string>());
    std::string* text = scratch_[used_++].get();
    text->clear();
    return text;
  }
  std::string_view Plain(std::string_view line, size_t* i) {
    size_t begin = *i;
    std::string* copy = nullptr;
    for (; *i < line.size() && line[*i] != rules_.delimiter; ++*i) {
      bool escaped = rules_.escape && line[*i] == *rules_.escape && *i + 1 < line.size();
      if (escaped && copy == nullptr) {
        copy = Scratch();
        copy->assign(line, begin, *i - begin);
      }
      if (escaped) ++*i;
      if (copy != nullptr) copy->push_back(line[*i]);
    }
    return copy != nullptr ? std::string_view(*copy) : line.substr(begin, *i - begin);
  }
  bool Quoted(std::string_view line, size_t* i, std::string_view* text, std::string* problem) {
    char quote = *rules_.quote;
    size_t begin = ++*i;
    std::string* copy = nullptr;
    while (true) {
      if (*i >= line.size()) {
        *problem = "a quoted field has no end";
        return false;
      }
      char c = line[*i];
      bool is_escape = rules_.escape && c == *rules_.escape && *i + 1 < line.size();
      bool is_doubled = c == quote && *i + 1 < line.size() && line[*i + 1] == quote;
      if (c == quote && !is_doubled && !is_escape) break;
      if ((is_escape || is_doubled) && copy == nullptr) {
        copy = Scratch();
        copy->assign(line, begin, *i - begin);
      }
      if (is_escape || is_doubled) ++*i;
      if (copy != nullptr) copy->push_back(line[*i]);
      ++*i;
    }
    *text = copy != nullptr ? std::string_view(*copy) : line.substr(begin, *i - begin);
    *i = SkipSpaces(line, *i + 1);
    if (*i < line.size() && line[*i] != rules_.delimiter) {
      *problem = "text follows a quoted field";
      return false;
    }
    return true;
  }

  const CsvRules& rules_;
  std::vector<std::unique_ptr<std::string>> scratch_;
  size_t used_ = 0;
};

class CsvDecoder final : public Decoder {
 public:
  static Result<std::unique_ptr<Decoder>> Make(DecodeTarget target, CsvRules rules) {
    auto decoder = std::make_unique<CsvDecoder>(std::move(target), std::move(rules));
    TextRules text_rules;
    text_rules.array_delimiter = decoder->rules_.array_delimiter;
    for (size_t i = 0; i < decoder->target_.projection.size(); ++i) {
      const auto& field = decoder->target_.schema->field(decoder->target_.projection[i]);
      ASSIGN_OR_RETURN(
          auto appender,
          MakeTextAppender(field->name(), decoder->rows_.builder(static_cast<int>(i)), text_rules));
      decoder->appenders_.push_back(std::move(appender));
    }
    return decoder;
  }

  CsvDecoder(DecodeTarget target, CsvRules rules)
      : target_(std::move(target)),
        rules_(std::move(rules)),
        rows_(target_.OutputSchema()),
        splitter_(rules_) {}

  Result<DecodedMessages> Decode(std::span<const std::string_view> messages) override {
    DecodedMessages out;
    for (size_t i = 0; i < messages.size(); ++i) {
      std::string_view line = messages[i];
      while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
      if (IsPassedOver(line)) {
        ++out.skipped;
        continue;
      }
      line = ReplaceInvalidUtf8(line, &utf8_scratch_);
      ErrorText problem;
      if (DecodeLine(line, static_cast<uint32_t>(i), &problem)) continue;
      if (rules_.ignore_parse_errors) {
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
  // A null message is no row. An empty line is none of several columns, and the empty text of one.
  bool IsPassedOver(std::string_view line) const {
    if (line.empty()) return line.data() == nullptr || target_.schema->num_fields() > 1;
    return rules_.allow_comments && line[0] == '#';
  }

  bool DecodeLine(std::string_view line, uint32_t index, ErrorText* problem) {
    if (!splitter_.Split(line, &fields_, &problem->message)) return false;
    size_t expected = static_cast<size_t>(target_.schema->num_fields());
    if (fields_.size() == expected + 1 && rules_.allow_trailing_comma &&
        fields_.back().text.empty()) {
      fields_.pop_back();
    }
    bool too_few =
        fields_.size() < expected && (rules_.fail_on_missing || !rules_.ignore_parse_errors);
    bool too_many = fields_.size() > expected && !rules_.ignore_trailing;
    if (too_few || too_many) {
      problem->message = "the line has " + std::to_string(fields_.size()) + " fields, expected " +
                         std::to_string(expected);
      return false;
    }
    bool keep = true;
    for (size_t i = 0; i < appenders_.size(); ++i) {
      size_t column = static_cast<size_t>(target_.projection[i]);
      if (!keep || column >= fields_.size() || IsNull(fields_[column].text)) {
        appenders_[i]->AppendNull();
        continue;
      }
      if (appenders_[i]->Append(fields_[column].text) || rules_.ignore_parse_errors) continue;
      keep = false;
      problem->message = "field '" + target_.schema->field(static_cast<int>(column))->name() +
                         "': '" + std::string(fields_[column].text.substr(0, 80)) + "' is not " +
                         std::string(appenders_[i]->expected());
      problem->detail = "at byte " + std::to_string(fields_[column].position) + " of the line";
    }
    rows_.EndRow(index, RowKind::kInsert, keep);
    return keep;
  }

  bool IsNull(std::string_view text) const {
    return (rules_.null_literal && text == *rules_.null_literal) ||
           (rules_.empty_is_null && text.empty());
  }

  DecodeTarget target_;
  CsvRules rules_;
  RowSet rows_;
  CsvSplitter splitter_;
  std::vector<std::unique_ptr<TextAppender>> appenders_;
  std::vector<CsvField> fields_;
  std::string utf8_scratch_;
};

class CsvEncoder final : public Encoder {
 public:
  CsvEncoder(CsvRules rules, std::vector<std::unique_ptr<TextWriter>> columns)
      : rules_(std::move(rules)), columns_(std::move(columns)) {}

  Result<std::vector<std::string>> Encode(const ChangelogBatch& batch) override {
    for (RowKind kind : batch.kinds) {
      if (kind == RowKind::kInsert || kind == RowKind::kUpdateAfter) continue;
      return MakeError(ErrorCode::kUnsupported,
                       {.message = "format 'csv' cannot write updates and deletes"});
    }
    for (size_t i = 0; i < columns_.size(); ++i) {
      columns_[i]->Bind(*batch.rows->column(static_cast<int>(i)));
    }
    std::vector<std::string> messages(static_cast<size_t>(batch.rows->num_rows()));
    for (size_t row = 0; row < messages.size(); ++row) {
      for (size_t i = 0; i < columns_.size(); ++i) {
        if (i > 0) messages[row].push_back(rules_.delimiter);
        WriteField(*columns_[i], static_cast<int64_t>(row), &messages[row]);
      }
    }
    return messages;
  }

 private:
  void WriteField(const TextWriter& column, int64_t row, std::string* out) {
    if (column.IsNull(row)) {
      if (rules_.null_literal) out->append(*rules_.null_literal);
      return;
    }
    text_.clear();
    column.Write(row, &text_);
    // Alone in its line an empty text needs quotes: others take an empty line for no row.
    bool is_empty_line = text_.empty() && columns_.size() == 1;
    if (!rules_.quote || column.is_number() || (!is_empty_line && !NeedsQuotes(text_))) {
      out->append(text_);
      return;
    }
    char quote = *rules_.quote;
    out->push_back(quote);
    for (char c : text_) {
      if (c == quote || (rules_.escape && c == *rules_.escape)) {
        out->push_back(rules_.escape.value_or(quote));
      }
      out->push_back(c);
    }
    out->push_back(quote);
  }

  // As the dialect's writer: anything long, or with a character that sorts before the delimiter
  // or quote, is quoted without a closer look.
  bool NeedsQuotes(std::string_view text) const {
    constexpr size_t kAlwaysQuoted = 25;
    if (text.size() >= kAlwaysQuoted) return true;
    unsigned char last_unsafe =
        std::max({static_cast<unsigned char>(rules_.delimiter),
                  static_cast<unsigned char>(*rules_.quote), static_cast<unsigned char>('\r')});
    for (char c : text) {
      if (static_cast<unsigned char>(c) <= last_unsafe) return true;
      if (rules_.escape && c == *rules_.escape) return true;
    }
    return false;
  }

  CsvRules rules_;
  std::vector<std::unique_ptr<TextWriter>> columns_;
  std::string text_;
};

}  // namespace

Result<std::optional<CsvQuoting>> CsvQuotingOf(const FormatOptions& options) {
  ASSIGN_OR_RETURN(CsvRules rules, ReadCsvRules(options));
  if (!rules.quote) return std::nullopt;
  return CsvQuoting{.delimiter = rules.delimiter,
                    .quote = *rules.quote,
                    .escape = rules.escape,
                    .trim_spaces = rules.trim_spaces,
                    .allow_comments = rules.allow_comments};
}

Result<std::unique_ptr<Decoder>> MakeCsvDecoder(DecodeTarget target, const FormatOptions& options) {
  ASSIGN_OR_RETURN(CsvRules rules, ReadCsvRules(options));
  return CsvDecoder::Make(std::move(target), std::move(rules));
}

Result<std::unique_ptr<Encoder>> MakeCsvEncoder(std::shared_ptr<arrow::Schema> schema,
                                                const FormatOptions& options) {
  ASSIGN_OR_RETURN(CsvRules rules, ReadCsvRules(options));
  TextWriteRules write_rules{.array_delimiter = rules.array_delimiter,
                             .decimal_style = rules.scientific_decimals
                                                  ? DecimalStyle::kStrippedScientific
                                                  : DecimalStyle::kStrippedPlain};
  std::vector<std::unique_ptr<TextWriter>> columns;
  for (const auto& field : schema->fields()) {
    ASSIGN_OR_RETURN(auto writer, MakeTextWriter(field->name(), *field->type(), write_rules));
    columns.push_back(std::move(writer));
  }
  return std::make_unique<CsvEncoder>(std::move(rules), std::move(columns));
}

}  // namespace mainstem::format
