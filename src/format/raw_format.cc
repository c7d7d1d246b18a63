// The message is the value of the table's only column.
#include <bit>
#include <cstring>

#include <absl/strings/match.h>
#include <arrow/api.h>

#include "format/format_options.h"
#include "format/formats.h"
#include "format/text_column.h"

namespace mainstem::format {
namespace {

struct RawRules {
  bool big_endian = true;
  bool latin1 = false;
};

Result<RawRules> ReadRawRules(const FormatOptions& options) {
  OptionReader reader("raw", options);
  RawRules rules;
  rules.big_endian = reader.Choice("endianness", {"big-endian", "little-endian"}, 0) == 0;
  rules.latin1 = reader.Choice("charset", {"UTF-8", "ISO-8859-1"}, 0) == 1;
  RETURN_IF_ERROR(reader.status());
  return rules;
}

Status CheckSchema(const arrow::Schema& schema) {
  if (schema.num_fields() != 1) {
    return MakeError(ErrorCode::kInvalidArgument,
                     {.message = "format 'raw' takes one physical column, the table has " +
                                 std::to_string(schema.num_fields())});
  }
  switch (schema.field(0)->type()->id()) {
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
    case arrow::Type::BOOL:
    case arrow::Type::INT8:
    case arrow::Type::INT16:
    case arrow::Type::INT32:
    case arrow::Type::INT64:
    case arrow::Type::FLOAT:
    case arrow::Type::DOUBLE: return Status::OK();
    default:
      return MakeError(ErrorCode::kUnsupported, "format 'raw' cannot hold column '" +
                                                    schema.field(0)->name() + "' of type " +
                                                    schema.field(0)->type()->ToString());
  }
}

template <typename T>
T FromBytes(std::string_view bytes, bool big_endian) {
  std::array<char, sizeof(T)> buffer;
  std::memcpy(buffer.data(), bytes.data(), sizeof(T));
  if (big_endian) std::reverse(buffer.begin(), buffer.end());
  return std::bit_cast<T>(buffer);
}

template <typename T>
std::string ToBytes(T value, bool big_endian) {
  auto buffer = std::bit_cast<std::array<char, sizeof(T)>>(value);
  if (big_endian) std::reverse(buffer.begin(), buffer.end());
  return std::string(buffer.data(), buffer.size());
}

std::string Utf8FromLatin1(std::string_view text) {
  std::string out;
  for (unsigned char c : text) {
    if (c < 0x80) {
      out.push_back(static_cast<char>(c));
    } else {
      out.push_back(static_cast<char>(0xC0 | (c >> 6)));
      out.push_back(static_cast<char>(0x80 | (c & 0x3F)));
    }
  }
  return out;
}

// Characters beyond Latin-1 become '?'.
std::string Latin1FromUtf8(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    unsigned char c = static_cast<unsigned char>(text[i]);
    size_t length = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    if (length == 1) {
      out.push_back(text[i]);
    } else if (length == 2 && c <= 0xC3 && i + 1 < text.size()) {
      out.push_back(static_cast<char>((c << 6) | (text[i + 1] & 0x3F)));
    } else {
      out.push_back('?');
    }
    i += length;
  }
  return out;
}

class RawDecoder final : public Decoder {
 public:
  RawDecoder(DecodeTarget target, RawRules rules)
      : target_(std::move(target)), rules_(rules), rows_(target_.OutputSchema()) {}

  Result<DecodedMessages> Decode(std::span<const std::string_view> messages) override {
    DecodedMessages out;
    rows_.Reserve(messages.size());
    for (size_t i = 0; i < messages.size(); ++i) {
      bool good = true;
      for (size_t column = 0; column < target_.projection.size(); ++column) {
        good = Append(messages[i], rows_.builder(static_cast<int>(column)));
      }
      if (!good) {
        ErrorText problem{.message = "a message of " + std::to_string(messages[i].size()) +
                                     " bytes is no " +
                                     target_.schema->field(0)->type()->ToString()};
        out.rejected.push_back(
            {.index = i, .cause = MakeError(ErrorCode::kDecodeError, std::move(problem))});
      }
      rows_.EndRow(static_cast<uint32_t>(i), RowKind::kInsert, good);
    }
    RETURN_IF_ERROR(rows_.Finish(&out));
    return out;
  }

 private:
  template <typename Builder, typename T>
  bool AppendFixed(std::string_view message, arrow::ArrayBuilder* builder) {
    if (message.size() != sizeof(T)) {
      CHECK_OK(builder->AppendNull());
      return false;
    }
    CHECK_OK(static_cast<Builder*>(builder)->Append(FromBytes<T>(message, rules_.big_endian)));
    return true;
  }

  bool Append(std::string_view message, arrow::ArrayBuilder* builder) {
    if (message.data() == nullptr) {
      CHECK_OK(builder->AppendNull());
      return true;
    }
    switch (target_.schema->field(0)->type()->id()) {
      case arrow::Type::BINARY:
        CHECK_OK(static_cast<arrow::BinaryBuilder*>(builder)->Append(message));
        return true;
      case arrow::Type::BOOL: {
        bool good = message.size() == 1;
        if (!good) CHECK_OK(builder->AppendNull());
        if (good) CHECK_OK(static_cast<arrow::BooleanBuilder*>(builder)->Append(message[0] != 0));
        return good;
      }
      case arrow::Type::INT8: return AppendFixed<arrow::Int8Builder, int8_t>(message, builder);
      case arrow::Type::INT16: return AppendFixed<arrow::Int16Builder, int16_t>(message, builder);
      case arrow::Type::INT32: return AppendFixed<arrow::Int32Builder, int32_t>(message, builder);
      case arrow::Type::INT64: return AppendFixed<arrow::Int64Builder, int64_t>(message, builder);
      case arrow::Type::FLOAT: return AppendFixed<arrow::FloatBuilder, float>(message, builder);
      case arrow::Type::DOUBLE: return AppendFixed<arrow::DoubleBuilder, double>(message, builder);
      default: break;
    }
    if (rules_.latin1) {
      scratch_ = Utf8FromLatin1(message);
      message = scratch_;
    } else {
      message = ReplaceInvalidUtf8(message, &scratch_);
    }
    CHECK_OK(static_cast<arrow::StringBuilder*>(builder)->Append(message));
    return true;
  }

  DecodeTarget target_;
  RawRules rules_;
  RowSet rows_;
  std::string scratch_;
};

class RawEncoder final : public Encoder {
 public:
  explicit RawEncoder(RawRules rules) : rules_(rules) {}

  Result<std::vector<std::string>> Encode(const ChangelogBatch& batch) override {
    for (RowKind kind : batch.kinds) {
      if (kind == RowKind::kInsert || kind == RowKind::kUpdateAfter) continue;
      return MakeError(ErrorCode::kUnsupported, "format 'raw' cannot write updates and deletes");
    }
    const arrow::Array& column = *batch.rows->column(0);
    std::vector<std::string> messages;
    messages.reserve(static_cast<size_t>(column.length()));
    for (int64_t row = 0; row < column.length(); ++row) {
      messages.push_back(column.IsNull(row) ? std::string() : Bytes(column, row));
    }
    return messages;
  }

 private:
  template <typename Array>
  std::string Fixed(const arrow::Array& column, int64_t row) const {
    return ToBytes(static_cast<const Array&>(column).Value(row), rules_.big_endian);
  }
  std::string Bytes(const arrow::Array& column, int64_t row) const {
    switch (column.type_id()) {
      case arrow::Type::STRING: {
        std::string_view text = static_cast<const arrow::StringArray&>(column).GetView(row);
        return rules_.latin1 ? Latin1FromUtf8(text) : std::string(text);
      }
      case arrow::Type::BINARY:
        return std::string(static_cast<const arrow::BinaryArray&>(column).GetView(row));
      case arrow::Type::BOOL:
        return std::string(1, static_cast<const arrow::BooleanArray&>(column).Value(row) ? 1 : 0);
      case arrow::Type::INT8: return Fixed<arrow::Int8Array>(column, row);
      case arrow::Type::INT16: return Fixed<arrow::Int16Array>(column, row);
      case arrow::Type::INT32: return Fixed<arrow::Int32Array>(column, row);
      case arrow::Type::INT64: return Fixed<arrow::Int64Array>(column, row);
      case arrow::Type::FLOAT: return Fixed<arrow::FloatArray>(column, row);
      default: return Fixed<arrow::DoubleArray>(column, row);
    }
  }

  RawRules rules_;
};

}  // namespace

Result<std::unique_ptr<Decoder>> MakeRawDecoder(DecodeTarget target, const FormatOptions& options) {
  RETURN_IF_ERROR(CheckSchema(*target.schema));
  ASSIGN_OR_RETURN(RawRules rules, ReadRawRules(options));
  return std::make_unique<RawDecoder>(std::move(target), rules);
}

Result<std::unique_ptr<Encoder>> MakeRawEncoder(std::shared_ptr<arrow::Schema> schema,
                                                const FormatOptions& options) {
  RETURN_IF_ERROR(CheckSchema(*schema));
  ASSIGN_OR_RETURN(RawRules rules, ReadRawRules(options));
  return std::make_unique<RawEncoder>(rules);
}

}  // namespace mainstem::format
