#include "gateway/kafka/codec/codec.h"

#include <fmt/format.h>

namespace mainstem::gateway::kafka {
namespace {

const std::byte* At(const void* message, size_t offset) {
  return static_cast<const std::byte*>(message) + offset;
}
std::byte* At(void* message, size_t offset) { return static_cast<std::byte*>(message) + offset; }

// The bytes that any value of the type needs at least; bounds element counts before allocation.
constexpr size_t MinWireBytes(WireType type) {
  switch (type) {
    case WireType::kInt16: return 2;
    case WireType::kInt32: return 4;
    case WireType::kInt64: return 8;
    case WireType::kUuid: return 16;
    default: return 1;
  }
}

// Kafka's limit for strings, in the compact encoding too.
constexpr int64_t kStringBytesMax = INT16_MAX;

class Decoder {
 public:
  Decoder(int16_t version, bool flexible, Reader* reader)
      : version_(version), flexible_(flexible), reader_(*reader) {}

  bool DecodeStruct(const Schema& schema, void* message) {
    for (const Field& field : schema.fields) {
      if (!field.IsIn(version_) || field.IsTagged()) continue;
      if (!DecodeField(field, At(message, field.offset))) return Fail(schema, field.name);
    }
    if (flexible_ && !DecodeTags(schema, message)) return Fail(schema, "tagged fields");
    return true;
  }

  int64_t element_count() const { return element_count_; }

  Status Error() const {
    return MakeError(ErrorCode::kInvalidArgument,
                     {.message = "malformed request",
                      .detail = fmt::format("{}.{} of version {} at byte {}: {}", where_, field_,
                                            version_, reader_.position(), reason_)});
  }

 private:
  // Keeps the innermost place.
  bool Fail(const Schema& schema, const char* field) {
    if (where_ == nullptr) {
      where_ = schema.name;
      field_ = field;
    }
    return false;
  }
  bool Because(const char* reason) {
    reason_ = reason;
    return false;
  }

  bool DecodeTags(const Schema& schema, void* message) {
    uint32_t count = 0;
    if (!reader_.ReadVarint(&count)) return false;
    int64_t previous = -1;
    for (uint32_t i = 0; i < count; ++i) {
      uint32_t tag = 0;
      uint32_t size = 0;
      if (!reader_.ReadVarint(&tag) || !reader_.ReadVarint(&size)) return false;
      if (tag <= previous) return Because("tags do not ascend");
      previous = tag;
      if (size > reader_.remaining()) return false;
      const Field* field = FindTagged(schema, tag);
      if (field == nullptr) {
        if (!reader_.Skip(size)) return false;
        continue;
      }
      size_t end = reader_.position() + size;
      if (!DecodeField(*field, At(message, field->offset))) return Fail(schema, field->name);
      if (reader_.position() != end) return Because("tagged field has another length than stated");
    }
    return true;
  }

  const Field* FindTagged(const Schema& schema, uint32_t tag) const {
    for (const Field& field : schema.fields) {
      if (field.IsTagged() && field.IsIn(version_) &&
          static_cast<uint32_t>(field.options.tag) == tag) {
        return &field;
      }
    }
    return nullptr;
  }

  bool DecodeField(const Field& field, void* target) {
    const ValueType& value = field.value;
    bool nullable = version_ >= field.options.null_from;
    if (value.type == WireType::kStruct && nullable) {
      int8_t marker = 0;
      if (!reader_.ReadInt(&marker)) return false;
      if (marker < 0) return SetNull(value, target);
    }
    int64_t size = 0;
    if (HasLength(value.type)) {
      if (!ReadLength(value.type, &size)) return false;
      if (size < 0) return nullable ? SetNull(value, target) : Because("null is not allowed here");
    }
    if (value.optional != nullptr) target = value.optional->emplace(target);
    return value.type == WireType::kArray ? DecodeArray(value, size, target)
                                          : DecodeValue(value.type, value.schema, size, target);
  }

  bool SetNull(const ValueType& value, void* target) {
    if (value.optional != nullptr) value.optional->reset(target);
    return true;  // records: nothing is what they start as
  }

  static bool HasLength(WireType type) {
    return type == WireType::kString || type == WireType::kBytes || type == WireType::kArray ||
           type == WireType::kRecordsView || type == WireType::kRecords;
  }

  bool ReadLength(WireType type, int64_t* size) {
    if (flexible_) {
      uint32_t raw = 0;
      if (!reader_.ReadVarint(&raw)) return false;
      *size = static_cast<int64_t>(raw) - 1;
    } else if (type == WireType::kString) {
      int16_t raw = 0;
      if (!reader_.ReadInt(&raw)) return false;
      *size = raw;
    } else {
      int32_t raw = 0;
      if (!reader_.ReadInt(&raw)) return false;
      *size = raw;
    }
    if (*size < -1) return Because("negative length");
    if (type == WireType::kString && *size > kStringBytesMax) return Because("string too long");
    if (*size > static_cast<int64_t>(reader_.remaining())) return Because("length beyond the end");
    return true;
  }

  bool DecodeArray(const ValueType& value, int64_t count, void* target) {
    if (count > static_cast<int64_t>(reader_.remaining() / MinWireBytes(value.element))) {
      return Because("more elements than bytes");
    }
    size_t bytes = static_cast<size_t>(count) * value.array->element_bytes;
    if (bytes > kDecodedBytesMax - decoded_bytes_) return Because("too many elements");
    decoded_bytes_ += bytes;
    element_count_ += count;
    auto* element = static_cast<std::byte*>(value.array->resize(target, count));
    for (int64_t i = 0; i < count; ++i, element += value.array->element_bytes) {
      int64_t size = 0;
      if (HasLength(value.element)) {
        if (!ReadLength(value.element, &size)) return false;
        if (size < 0) return Because("null is not allowed here");
      }
      if (!DecodeValue(value.element, value.schema, size, element)) return false;
    }
    return true;
  }

  // `size` is the length of a string, bytes or records; arrays are not values of arrays.
  bool DecodeValue(WireType type, const Schema* schema, int64_t size, void* target) {
    std::span<const std::byte> view;
    switch (type) {
      case WireType::kBool: {
        int8_t raw = 0;
        if (!reader_.ReadInt(&raw)) return false;
        *static_cast<bool*>(target) = raw != 0;
        return true;
      }
      case WireType::kInt8: return reader_.ReadInt(static_cast<int8_t*>(target));
      case WireType::kInt16: return reader_.ReadInt(static_cast<int16_t*>(target));
      case WireType::kInt32: return reader_.ReadInt(static_cast<int32_t*>(target));
      case WireType::kInt64: return reader_.ReadInt(static_cast<int64_t*>(target));
      case WireType::kUuid:
        if (!reader_.ReadView(sizeof(Uuid), &view)) return false;
        std::memcpy(static_cast<Uuid*>(target)->data(), view.data(), view.size());
        return true;
      case WireType::kString:
        if (!reader_.ReadView(size, &view)) return false;
        static_cast<std::string*>(target)->assign(reinterpret_cast<const char*>(view.data()),
                                                  view.size());
        return true;
      case WireType::kBytes:
        if (!reader_.ReadView(size, &view)) return false;
        static_cast<Bytes*>(target)->data.assign(reinterpret_cast<const char*>(view.data()),
                                                 view.size());
        return true;
      case WireType::kRecordsView:
        if (!reader_.ReadView(size, &view)) return false;
        static_cast<RecordsView*>(target)->emplace(view);
        return true;
      case WireType::kRecords:
        if (!reader_.ReadView(size, &view)) return false;
        CopyRecords(view, static_cast<Records*>(target));
        return true;
      case WireType::kStruct: return DecodeStruct(*schema, target);
      case WireType::kArray: break;
    }
    return Because("unsupported type");
  }

  static void CopyRecords(std::span<const std::byte> view, Records* records) {
    auto owner = std::make_shared<std::vector<std::byte>>(view.begin(), view.end());
    records->push_back({owner, std::span<const std::byte>(*owner)});
  }

  const int16_t version_;
  const bool flexible_;
  Reader& reader_;
  size_t decoded_bytes_ = 0;
  int64_t element_count_ = 0;
  const char* where_ = nullptr;
  const char* field_ = "";
  const char* reason_ = "bytes end too early";
};

class Encoder {
 public:
  Encoder(int16_t version, bool flexible, Writer* writer)
      : version_(version), flexible_(flexible), writer_(*writer) {}

  void EncodeStruct(const Schema& schema, const void* message) {
    uint32_t tagged = 0;
    for (const Field& field : schema.fields) {
      if (!field.IsIn(version_)) continue;
      const void* source = At(message, field.offset);
      if (field.IsTagged()) {
        tagged += field.is_default(source) ? 0 : 1;
      } else {
        EncodeField(field, source);
      }
    }
    if (flexible_) EncodeTags(schema, message, tagged);
  }

 private:
  void EncodeTags(const Schema& schema, const void* message, uint32_t count) {
    writer_.WriteVarint(count);
    if (count == 0) return;
    for (const Field& field : schema.fields) {
      if (!field.IsTagged() || !field.IsIn(version_)) continue;
      const void* source = At(message, field.offset);
      if (field.is_default(source)) continue;
      Writer body;
      Encoder(version_, flexible_, &body).EncodeField(field, source);
      writer_.WriteVarint(static_cast<uint32_t>(field.options.tag));
      writer_.WriteVarint(static_cast<uint32_t>(body.size()));
      writer_.WriteRaw(std::move(body).FinishBytes());
    }
  }

  void EncodeField(const Field& field, const void* source) {
    const ValueType& value = field.value;
    bool nullable = version_ >= field.options.null_from;
    if (value.optional != nullptr) source = value.optional->value(source);
    switch (value.type) {
      case WireType::kStruct:
        if (nullable) writer_.WriteInt<int8_t>(source == nullptr ? -1 : 1);
        CHECK(source != nullptr || nullable);
        if (source != nullptr) EncodeStruct(*value.schema, source);
        return;
      case WireType::kRecordsView: {
        const auto& records = *static_cast<const RecordsView*>(source);
        WriteLength(WireType::kRecordsView, Length(records ? &*records : nullptr, nullable));
        if (records) WriteBytes(*records);
        return;
      }
      case WireType::kArray:
        if (source == nullptr) return WriteLength(value.type, nullable ? -1 : 0);
        return EncodeArray(value, source);
      case WireType::kString:
      case WireType::kBytes:
        if (source == nullptr) return WriteLength(value.type, nullable ? -1 : 0);
        return EncodeValue(value.type, value.schema, source);
      default: EncodeValue(value.type, value.schema, source);
    }
  }

  static int64_t Length(const std::span<const std::byte>* bytes, bool nullable) {
    if (bytes == nullptr) return nullable ? -1 : 0;
    return static_cast<int64_t>(bytes->size());
  }

  void WriteBytes(std::span<const std::byte> bytes) {
    writer_.WriteRaw({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }

  void WriteLength(WireType type, int64_t size) {
    if (flexible_) {
      writer_.WriteVarint(static_cast<uint32_t>(size + 1));
    } else if (type == WireType::kString) {
      writer_.WriteInt(static_cast<int16_t>(size));
    } else {
      writer_.WriteInt(static_cast<int32_t>(size));
    }
  }

  void EncodeArray(const ValueType& value, const void* source) {
    size_t count = value.array->size(source);
    WriteLength(WireType::kArray, static_cast<int64_t>(count));
    const auto* element = static_cast<const std::byte*>(value.array->data(source));
    for (size_t i = 0; i < count; ++i, element += value.array->element_bytes) {
      EncodeValue(value.element, value.schema, element);
    }
  }

  void EncodeValue(WireType type, const Schema* schema, const void* source) {
    switch (type) {
      case WireType::kBool:
        return writer_.WriteInt<int8_t>(*static_cast<const bool*>(source) ? 1 : 0);
      case WireType::kInt8: return writer_.WriteInt(*static_cast<const int8_t*>(source));
      case WireType::kInt16: return writer_.WriteInt(*static_cast<const int16_t*>(source));
      case WireType::kInt32: return writer_.WriteInt(*static_cast<const int32_t*>(source));
      case WireType::kInt64: return writer_.WriteInt(*static_cast<const int64_t*>(source));
      case WireType::kUuid:
        return WriteBytes(std::as_bytes(std::span(*static_cast<const Uuid*>(source))));
      case WireType::kString: {
        // Only a composed error message can be longer; names were checked when they came in.
        std::string_view text = *static_cast<const std::string*>(source);
        text = text.substr(0, kStringBytesMax);
        WriteLength(type, static_cast<int64_t>(text.size()));
        return writer_.WriteRaw(text);
      }
      case WireType::kBytes: {
        const auto& data = static_cast<const Bytes*>(source)->data;
        WriteLength(type, static_cast<int64_t>(data.size()));
        return writer_.WriteRaw(data);
      }
      case WireType::kRecords: return EncodeRecords(*static_cast<const Records*>(source));
      case WireType::kStruct: return EncodeStruct(*schema, source);
      case WireType::kRecordsView:
      case WireType::kArray: break;
    }
    CHECK(false);
  }

  // Never null: an empty answer is zero bytes, which every client reads as "nothing new".
  void EncodeRecords(const Records& records) {
    size_t total = 0;
    for (const auto& batch : records) total += batch.bytes.size();
    WriteLength(WireType::kRecords, static_cast<int64_t>(total));
    for (const auto& batch : records) writer_.Splice(batch);
  }

  const int16_t version_;
  const bool flexible_;
  Writer& writer_;
};

Status MalformedHeader() {
  return MakeError(ErrorCode::kInvalidArgument, "malformed request header");
}

}  // namespace

Result<RequestPrefix> DecodeRequestPrefix(std::span<const std::byte> frame) {
  Reader reader(frame);
  RequestPrefix prefix;
  if (!reader.ReadInt(&prefix.api_key) || !reader.ReadInt(&prefix.api_version) ||
      !reader.ReadInt(&prefix.correlation_id)) {
    return MalformedHeader();
  }
  return prefix;
}

Result<RequestHeader> DecodeRequestHeader(Reader* reader) {
  int16_t key = 0;
  RequestHeader header;
  int16_t size = 0;
  if (!reader->ReadInt(&key) || !reader->ReadInt(&header.api_version) ||
      !reader->ReadInt(&header.correlation_id) || !reader->ReadInt(&size) || size < -1) {
    return MalformedHeader();
  }
  if (size >= 0) {  // int16 length in every header version, compact in none
    std::span<const std::byte> view;
    if (!reader->ReadView(static_cast<size_t>(size), &view)) return MalformedHeader();
    header.client_id.emplace(reinterpret_cast<const char*>(view.data()), view.size());
  }
  header.api_key = static_cast<ApiKey>(key);
  bool has_tags = GetApi(header.api_key).RequestHeaderVersion(header.api_version) >= 2;
  if (has_tags && !reader->SkipTags()) return MalformedHeader();
  return header;
}

Status DecodeBody(const Schema& schema, int16_t version, bool flexible, Reader* reader,
                  void* message, int64_t* element_count) {
  Decoder decoder(version, flexible, reader);
  if (!decoder.DecodeStruct(schema, message)) return decoder.Error();
  if (element_count != nullptr) *element_count = decoder.element_count();
  return Status::OK();
}

void EncodeBody(const Schema& schema, int16_t version, bool flexible, const void* message,
                Writer* writer) {
  Encoder(version, flexible, writer).EncodeStruct(schema, message);
}

Frame EncodeResponse(const ApiInfo& api, int16_t version, int32_t correlation_id,
                     const Schema& schema, const void* response) {
  Writer writer;
  writer.WriteInt(correlation_id);
  if (api.ResponseHeaderVersion(version) >= 1) writer.WriteVarint(0);
  EncodeBody(schema, version, api.IsFlexible(version), response, &writer);
  return std::move(writer).FinishFrame();
}

Frame EncodeRequest(const RequestHeader& header, const Schema& schema, const void* request) {
  const ApiInfo& api = GetApi(header.api_key);
  Writer writer;
  writer.WriteInt(static_cast<int16_t>(header.api_key));
  writer.WriteInt(header.api_version);
  writer.WriteInt(header.correlation_id);
  writer.WriteInt<int16_t>(header.client_id ? static_cast<int16_t>(header.client_id->size()) : -1);
  if (header.client_id) writer.WriteRaw(*header.client_id);
  if (api.RequestHeaderVersion(header.api_version) >= 2) writer.WriteVarint(0);
  EncodeBody(schema, header.api_version, api.IsFlexible(header.api_version), request, &writer);
  return std::move(writer).FinishFrame();
}

}  // namespace mainstem::gateway::kafka
