#include "sink/row_template.h"

#include <arrow/api.h>

#include "core/json_writer.h"
#include "core/net/percent_encoding.h"
#include "format/format.h"
#include "format/value_text.h"

namespace mainstem::sink {

enum class PlaceKind : uint8_t { kLiteral, kJson, kText, kUrl, kPlain, kRow, kId, kOp };

struct RowTemplate::Part {
  PlaceKind kind = PlaceKind::kLiteral;
  std::string literal = {};
  int column = -1;
  char separator = '\0';  // that its text must not hold as it is
  // Of a whole row, or of a row of one column, "v".
  std::unique_ptr<format::Encoder> encoder = nullptr;
};

namespace {

constexpr std::string_view kBeforeValue = "{\"v\":";

// A column's values as JSON: the row of one column has no other text.
Result<std::vector<std::string>> JsonValues(format::Encoder* encoder,
                                            const std::shared_ptr<arrow::Array>& column) {
  ChangelogBatch batch;
  batch.rows = arrow::RecordBatch::Make(arrow::schema({arrow::field("v", column->type())}),
                                        column->length(), {column});
  ASSIGN_OR_RETURN(std::vector<std::string> texts, encoder->Encode(batch));
  for (std::string& text : texts) {
    CHECK(text.starts_with(kBeforeValue));
    text = text.substr(kBeforeValue.size(), text.size() - kBeforeValue.size() - 1);
  }
  return texts;
}

Result<std::unique_ptr<format::Encoder>> ValueEncoder(const std::shared_ptr<arrow::DataType>& type,
                                                      const connector::FormatChoice& format) {
  return format::MakeEncoder(format.format, arrow::schema({arrow::field("v", type)}),
                             format.options);
}

std::string TextOfValue(const arrow::Array& column, int64_t row) {
  std::string text;
  if (!column.IsNull(row)) format::AppendValueText(column, row, &text);
  return text;
}

// Numbers and times have a text of so many signs of each kind, whatever they are.
bool MayHoldAnything(const arrow::DataType& type) {
  return !arrow::is_primitive(type.id()) && !arrow::is_decimal(type.id());
}

void AppendEscaped(const std::string& text, char separator, std::string* out) {
  for (char c : text) {
    if (separator != '\0' && (c == separator || c == '\\')) *out += '\\';
    *out += c;
  }
}

}  // namespace

RowTemplate::RowTemplate() = default;
RowTemplate::RowTemplate(RowTemplate&&) noexcept = default;
RowTemplate& RowTemplate::operator=(RowTemplate&&) noexcept = default;
RowTemplate::~RowTemplate() = default;

Result<RowTemplate> RowTemplate::Compile(const std::string& text, Options options) {
  RowTemplate compiled;
  for (size_t at = 0; at < text.size();) {
    size_t open = std::min(text.find("{{", at), text.size());
    if (open > at) {
      Part literal;
      literal.literal = text.substr(at, open - at);
      compiled.parts_.push_back(std::move(literal));
    }
    if (open == text.size()) break;
    size_t close = text.find("}}", open);
    if (close == std::string::npos) {
      return MakeError(ErrorCode::kInvalidArgument, "has a '{{' without a '}}'");
    }
    RETURN_IF_ERROR(compiled.AddPlace(text.substr(open + 2, close - open - 2), options));
    at = close + 2;
  }
  return compiled;
}

Status RowTemplate::AddPlace(const std::string& place, const Options& options) {
  Part part;
  const std::string& format = options.format.format;
  bool is_plain = options.use == Use::kPlain;
  if (place == "$id" && !is_plain) {
    part.kind = PlaceKind::kId;
  } else if (place == "$op" && !is_plain) {
    part.kind = PlaceKind::kOp;
  } else if (place == "*" && options.use == Use::kJson) {
    part.kind = PlaceKind::kRow;
    ASSIGN_OR_RETURN(part.encoder,
                     format::MakeEncoder(format, options.schema, options.format.options));
  } else {
    bool is_text = place.ends_with("|text");
    std::string name = is_text ? place.substr(0, place.size() - 5) : place;
    part.column = options.schema->GetFieldIndex(name);
    if (part.column < 0) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "asks for the column '" + name + "', which the table does not have");
    }
    part.kind = options.use == Use::kUrl ? PlaceKind::kUrl
                : is_plain               ? PlaceKind::kPlain
                : is_text                ? PlaceKind::kText
                                         : PlaceKind::kJson;
    const arrow::DataType& type = *options.schema->field(part.column)->type();
    if (is_plain && MayHoldAnything(type)) part.separator = options.separator;
    if (part.kind == PlaceKind::kJson) {
      ASSIGN_OR_RETURN(part.encoder,
                       ValueEncoder(options.schema->field(part.column)->type(), options.format));
    }
  }
  parts_.push_back(std::move(part));
  return Status::OK();
}

bool RowTemplate::is_static() const {
  return std::all_of(parts_.begin(), parts_.end(),
                     [](const Part& part) { return part.kind == PlaceKind::kLiteral; });
}

std::vector<int> RowTemplate::columns() const {
  std::vector<int> named;
  for (const Part& part : parts_) {
    if (part.column >= 0) named.push_back(part.column);
  }
  return named;
}

Result<std::vector<std::string>> RowTemplate::Render(
    const std::shared_ptr<arrow::RecordBatch>& rows, const std::vector<RenderedRow>& about) const {
  std::vector<std::string> texts(static_cast<size_t>(rows->num_rows()));
  CHECK(texts.size() == about.size());
  for (const Part& part : parts_) {
    std::vector<std::string> values;
    if (part.kind == PlaceKind::kRow) {
      ASSIGN_OR_RETURN(values, part.encoder->Encode({.rows = rows, .kinds = {}}));
    } else if (part.kind == PlaceKind::kJson) {
      ASSIGN_OR_RETURN(values, JsonValues(part.encoder.get(), rows->column(part.column)));
    }
    for (size_t i = 0; i < texts.size(); ++i) {
      auto row = static_cast<int64_t>(i);
      switch (part.kind) {
        case PlaceKind::kLiteral: texts[i] += part.literal; break;
        case PlaceKind::kJson:
        case PlaceKind::kRow: texts[i] += values[i]; break;
        case PlaceKind::kText: {
          std::string quoted = JsonQuote(TextOfValue(*rows->column(part.column), row));
          texts[i].append(quoted, 1, quoted.size() - 2);
          break;
        }
        case PlaceKind::kPlain:
          AppendEscaped(TextOfValue(*rows->column(part.column), row), part.separator, &texts[i]);
          break;
        case PlaceKind::kUrl:
          texts[i] += net::PercentEncode(TextOfValue(*rows->column(part.column), row));
          break;
        case PlaceKind::kId: texts[i] += about[i].id; break;
        case PlaceKind::kOp: texts[i] += about[i].is_delete ? "delete" : "upsert"; break;
      }
    }
  }
  return texts;
}

Result<std::vector<std::string>> JsonTexts(const std::shared_ptr<arrow::Array>& column,
                                           const connector::FormatChoice& format) {
  ASSIGN_OR_RETURN(auto encoder, ValueEncoder(column->type(), format));
  return JsonValues(encoder.get(), column);
}

}  // namespace mainstem::sink
