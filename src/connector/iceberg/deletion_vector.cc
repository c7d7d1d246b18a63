#include "connector/iceberg/deletion_vector.h"

#include <algorithm>

#include <zlib.h>

#include "connector/iceberg/iceberg_schema.h"
#include "core/json_writer.h"

namespace mainstem::connector::iceberg {
namespace {

constexpr std::string_view kPuffinMagic = "PFA1";
constexpr std::string_view kVectorMagic = "\xd1\xd3\x39\x64";
constexpr size_t kNumberBytes = 4;
// The field that a vector is about: the reserved one of row positions.
constexpr int64_t kRowPositionField = 2147483645;

void AppendBigEndian(uint32_t value, std::string* out) {
  for (int shift = 24; shift >= 0; shift -= 8) out->push_back(static_cast<char>(value >> shift));
}

uint32_t ReadBigEndian(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < kNumberBytes; ++i) {
    value = (value << 8) | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}

uint32_t ChecksumOf(std::string_view bytes) {
  return static_cast<uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

}  // namespace

std::string DeletionVectorBlob(const Positions& positions) {
  std::string body(kVectorMagic);
  body.resize(kVectorMagic.size() + positions.getSizeInBytes());
  positions.write(body.data() + kVectorMagic.size());
  std::string blob;
  AppendBigEndian(static_cast<uint32_t>(body.size()), &blob);
  blob += body;
  AppendBigEndian(ChecksumOf(body), &blob);
  return blob;
}

Result<Positions> ParseDeletionVectorBlob(std::string_view blob) {
  size_t least = 2 * kNumberBytes + kVectorMagic.size();
  if (blob.size() < least) return DamagedMetadata("a deletion vector is too short");
  std::string_view body = blob.substr(kNumberBytes, blob.size() - 2 * kNumberBytes);
  bool is_whole = ReadBigEndian(blob) == body.size() && body.starts_with(kVectorMagic) &&
                  ReadBigEndian(blob.substr(blob.size() - kNumberBytes)) == ChecksumOf(body);
  if (!is_whole) return DamagedMetadata("a deletion vector has another length or checksum");
  body.remove_prefix(kVectorMagic.size());
  try {
    return Positions::readSafe(body.data(), body.size());
  } catch (const std::exception&) {  // the library's way to say that it is damaged
    return DamagedMetadata("a deletion vector's bitmap is damaged");
  }
}

VectorFile WriteVectorFile(const std::vector<std::pair<std::string, Positions>>& vectors) {
  VectorFile file;
  file.bytes = kPuffinMagic;
  struct Blob {
    std::string bytes;
    size_t index = 0;
  };
  std::vector<Blob> blobs;
  for (size_t i = 0; i < vectors.size(); ++i) {
    blobs.push_back({.bytes = DeletionVectorBlob(vectors[i].second), .index = i});
  }
  std::stable_sort(blobs.begin(), blobs.end(),
                   [](const Blob& a, const Blob& b) { return a.bytes.size() < b.bytes.size(); });
  JsonWriter json;
  json.BeginObject().Key("blobs").BeginArray();
  for (const auto& [blob, index] : blobs) {
    const auto& [data_file, positions] = vectors[index];
    PlacedVector placed{.data_file = data_file,
                        .cardinality = static_cast<int64_t>(positions.cardinality()),
                        .offset = static_cast<int64_t>(file.bytes.size()),
                        .length = static_cast<int64_t>(blob.size())};
    json.BeginObject().Field("type", "deletion-vector-v1").Key("fields").BeginArray();
    json.Value(kRowPositionField).EndArray();
    // Those of the commit: they are not known yet.
    json.Field("snapshot-id", -1).Field("sequence-number", -1);
    json.Field("offset", placed.offset).Field("length", placed.length);
    json.Key("properties").BeginObject().Field("referenced-data-file", data_file);
    json.Field("cardinality", std::to_string(placed.cardinality)).EndObject().EndObject();
    file.bytes += blob;
    file.vectors.push_back(std::move(placed));
  }
  json.EndArray().Key("properties").BeginObject().Field("created-by", "mainstem");
  std::string footer = json.EndObject().EndObject().Take();
  file.bytes += kPuffinMagic;
  file.bytes += footer;
  auto length = static_cast<uint32_t>(footer.size());
  for (size_t i = 0; i < kNumberBytes; ++i)
    file.bytes.push_back(static_cast<char>(length >> (8 * i)));
  file.bytes.append(kNumberBytes, '\0');
  file.bytes += kPuffinMagic;
  return file;
}

}  // namespace mainstem::connector::iceberg
