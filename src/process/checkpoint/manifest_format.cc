#include "process/checkpoint/manifest_format.h"

#include <zlib.h>

#include "process/checkpoint/byte_codec.h"

namespace mainstem::process {
namespace {

constexpr std::string_view kMagic = "MSCP";
constexpr uint8_t kVersion = 2;
constexpr uint8_t kOldestVersion = 1;

uint32_t Checksum(std::string_view bytes) {
  return static_cast<uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

Status Damaged(const char* what) {
  return MakeError(ErrorCode::kCorruptStorage,
                   {.message = "the manifest of a checkpoint is damaged", .detail = what});
}

}  // namespace

std::string EncodeManifest(const CheckpointManifest& manifest) {
  ByteWriter writer;
  writer.Raw(kMagic);
  writer.Number(kVersion);
  writer.Number(manifest.id);
  writer.Text(manifest.job_id);
  writer.Text(manifest.fingerprint);
  writer.Number(static_cast<uint32_t>(manifest.operators.size()));
  for (const auto& item : manifest.operators) {
    writer.Text(item.node_id);
    writer.Number(static_cast<uint32_t>(item.blobs.size()));
    for (const std::string& blob : item.blobs) writer.Text(blob);
  }
  writer.Number(static_cast<uint32_t>(manifest.states.size()));
  for (const auto& state : manifest.states) {
    writer.Text(state.directory);
    writer.Number(static_cast<uint32_t>(state.node_ids.size()));
    for (const std::string& node_id : state.node_ids) writer.Text(node_id);
  }
  writer.Number(static_cast<uint32_t>(manifest.splits.size()));
  for (const auto& split : manifest.splits) {
    writer.Text(split.node_id);
    writer.Text(split.split_id);
    writer.Text(split.position);
    writer.Number(split.watermark_ms);
    writer.Number(static_cast<uint8_t>(split.ended ? 1 : 0));
    writer.Number(split.rejected_count);
  }
  writer.Number(Checksum(writer.out()));
  return std::move(writer.out());
}

Result<CheckpointManifest> DecodeManifest(std::string_view bytes) {
  if (bytes.size() < kMagic.size() + 1 + sizeof(uint32_t)) return Damaged("too short");
  std::string_view checked = bytes.substr(0, bytes.size() - sizeof(uint32_t));
  ByteReader trailer(bytes.substr(checked.size()));
  if (trailer.Number<uint32_t>() != Checksum(checked)) return Damaged("checksum differs");
  if (!checked.starts_with(kMagic)) return Damaged("not a manifest");
  ByteReader reader(checked.substr(kMagic.size()));
  auto version = reader.Number<uint8_t>();
  if (version < kOldestVersion || version > kVersion) return Damaged("unknown version");
  CheckpointManifest manifest;
  manifest.id = reader.Number<int64_t>();
  manifest.job_id = reader.Text();
  manifest.fingerprint = reader.Text();
  for (uint32_t left = reader.Count(8); left > 0; --left) {
    auto& item = manifest.operators.emplace_back();
    item.node_id = reader.Text();
    for (uint32_t blobs = reader.Count(4); blobs > 0; --blobs) item.blobs.push_back(reader.Text());
  }
  for (uint32_t left = reader.Count(8); left > 0; --left) {
    auto& state = manifest.states.emplace_back();
    state.directory = reader.Text();
    for (uint32_t ids = reader.Count(4); ids > 0; --ids) state.node_ids.push_back(reader.Text());
  }
  for (uint32_t left = reader.Count(21); left > 0; --left) {
    auto& split = manifest.splits.emplace_back();
    split.node_id = reader.Text();
    split.split_id = reader.Text();
    split.position = reader.Text();
    split.watermark_ms = reader.Number<int64_t>();
    split.ended = reader.Number<uint8_t>() != 0;
    if (version >= 2) split.rejected_count = reader.Number<int64_t>();
  }
  if (!reader.finished()) return Damaged("lengths do not fit");
  return manifest;
}

}  // namespace mainstem::process
