#include "connector/kinesis/aggregated_record.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include <openssl/evp.h>

#include "core/status.h"

namespace mainstem::connector {
namespace {

constexpr std::string_view kAggregateMagic("\xF3\x89\x9A\xC2", 4);
constexpr size_t kDigestBytes = 16;

// A field of a protobuf message: a number, or bytes.
struct ProtoField {
  uint64_t number = 0;
  uint64_t value = 0;
  std::optional<std::string_view> bytes{};
};

class ProtoReader {
 public:
  explicit ProtoReader(std::string_view rest) : rest_(rest) {}
  // Nothing at the end, or when it is broken.
  std::optional<ProtoField> Next() {
    constexpr uint64_t kVarint = 0;
    constexpr uint64_t kLengthDelimited = 2;
    if (rest_.empty()) return std::nullopt;
    ProtoField field;
    uint64_t tag = Varint();
    field.number = tag >> 3;
    uint64_t value = Varint();
    if ((tag & 7) == kVarint) {
      field.value = value;
    } else if ((tag & 7) == kLengthDelimited && value <= rest_.size()) {
      field.bytes = rest_.substr(0, value);
      rest_.remove_prefix(value);
    } else {
      broken_ = true;  // others do not occur
    }
    if (broken_) return std::nullopt;
    return field;
  }
  bool broken() const { return broken_; }

 private:
  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      auto byte = static_cast<uint8_t>(rest_[0]);
      rest_.remove_prefix(1);
      value |= uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
    broken_ = true;
    return 0;
  }

  std::string_view rest_;
  bool broken_ = false;
};

// False when it is no record.
bool ReadUserRecord(std::string_view message, const std::vector<std::string_view>& keys,
                    UserRecord* out) {
  constexpr uint64_t kKeyIndex = 1;
  constexpr uint64_t kData = 3;
  ProtoReader reader(message);
  std::optional<uint64_t> key;
  bool has_data = false;
  while (auto field = reader.Next()) {
    if (field->number == kKeyIndex && !field->bytes) key = field->value;
    if (field->number == kData && field->bytes) {
      out->data = *field->bytes;
      has_data = true;
    }
  }
  if (reader.broken() || !has_data || !key || *key >= keys.size()) return false;
  out->partition_key = keys[*key];
  return true;
}

// Longer ones no PutRecord could have. Characters are counted by the bytes that begin one.
bool IsPartitionKey(std::string_view text) {
  auto begins = [](char byte) { return (static_cast<uint8_t>(byte) & 0xC0) != 0x80; };
  return std::count_if(text.begin(), text.end(), begins) <= kPartitionKeyCharactersMax;
}

bool IsAggregate(std::string_view data, std::string_view* message) {
  if (!data.starts_with(kAggregateMagic) || data.size() < kAggregateMagic.size() + kDigestBytes) {
    return false;
  }
  data.remove_prefix(kAggregateMagic.size());
  *message = data.substr(0, data.size() - kDigestBytes);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  CHECK(EVP_Digest(message->data(), message->size(), digest, &size, EVP_md5(), nullptr) == 1);
  return data.substr(message->size()) ==
         std::string_view(reinterpret_cast<const char*>(digest), size);
}

}  // namespace

size_t BytesOfUserRecords(const std::vector<UserRecord>& records) {
  size_t bytes = 0;
  for (const UserRecord& record : records) {
    bytes += record.partition_key.size() + record.data.size();
  }
  return bytes;
}

std::vector<UserRecord> UnpackAggregatedRecord(std::string_view data, size_t bytes_max) {
  constexpr uint64_t kKeys = 1;
  constexpr uint64_t kRecords = 3;
  std::string_view message;
  if (!IsAggregate(data, &message)) return {};
  std::vector<std::string_view> keys;
  std::vector<std::string_view> packed;
  ProtoReader reader(message);
  while (auto field = reader.Next()) {
    if (field->number == kKeys && field->bytes) keys.push_back(*field->bytes);
    if (field->number == kRecords && field->bytes) packed.push_back(*field->bytes);
  }
  if (reader.broken() || packed.size() > kUserRecordsMax) return {};
  if (!std::all_of(keys.begin(), keys.end(), IsPartitionKey)) return {};
  std::vector<UserRecord> records(packed.size());
  size_t bytes = 0;
  for (size_t i = 0; i < packed.size(); ++i) {
    if (!ReadUserRecord(packed[i], keys, &records[i])) return {};
    bytes += records[i].partition_key.size() + records[i].data.size();
    if (bytes > bytes_max) return {};
  }
  return records;
}

}  // namespace mainstem::connector
