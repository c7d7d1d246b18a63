#include "process/checkpoint/manifest_format.h"

#include <fmt/format.h>
#include <zlib.h>

#include "process/checkpoint/byte_codec.h"

namespace mainstem::process {
namespace {

constexpr std::string_view kMagic = "MSCP";
constexpr uint8_t kVersion = 3;
constexpr uint8_t kOldestVersion = 1;

uint32_t Checksum(std::string_view bytes) {
  return static_cast<uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

Status Damaged(const char* what) {
  return MakeError(ErrorCode::kCorruptStorage,
                   {.message = "the manifest of a checkpoint is damaged", .detail = what});
}

void WriteNames(const std::vector<CheckpointManifest::Name>& names, ByteWriter* writer) {
  writer->Number(static_cast<uint32_t>(names.size()));
  for (const auto& name : names) {
    writer->Text(name.node_id);
    writer->Text(name.what);
    writer->Text(name.layout);
    writer->Number(name.upstream);
    writer->Text(name.sinks);
  }
}

std::vector<CheckpointManifest::Name> ReadNames(ByteReader* reader) {
  std::vector<CheckpointManifest::Name> names;
  for (uint32_t left = reader->Count(24); left > 0; --left) {
    auto& name = names.emplace_back();
    name.node_id = reader->Text();
    name.what = reader->Text();
    name.layout = reader->Text();
    name.upstream = reader->Number<uint64_t>();
    name.sinks = reader->Text();
  }
  return names;
}

void WriteAbout(const CheckpointManifest& manifest, ByteWriter* writer) {
  writer->Number(static_cast<uint8_t>(manifest.drained ? 1 : 0));
  writer->Number(manifest.made_at_ms);
  writer->Text(manifest.statement);
  WriteNames(manifest.state_names, writer);
  WriteNames(manifest.source_names, writer);
  writer->Number(static_cast<uint32_t>(manifest.files.size()));
  for (const auto& part : manifest.files) {
    writer->Text(part.directory);
    writer->Number(static_cast<uint32_t>(part.files.size()));
    for (const auto& file : part.files) {
      writer->Text(file.name);
      writer->Number(file.bytes);
    }
  }
}

void ReadAbout(ByteReader* reader, CheckpointManifest* manifest) {
  manifest->drained = reader->Number<uint8_t>() != 0;
  manifest->made_at_ms = reader->Number<int64_t>();
  manifest->statement = reader->Text();
  manifest->state_names = ReadNames(reader);
  manifest->source_names = ReadNames(reader);
  for (uint32_t left = reader->Count(8); left > 0; --left) {
    auto& part = manifest->files.emplace_back();
    part.directory = reader->Text();
    for (uint32_t files = reader->Count(12); files > 0; --files) {
      std::string name = reader->Text();
      part.files.push_back({std::move(name), reader->Number<int64_t>()});
    }
  }
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
  WriteAbout(manifest, &writer);
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
  if (version < kOldestVersion || version > kVersion) {
    return MakeError(
        ErrorCode::kUnsupported,
        {.message = fmt::format(
             "the manifest of the checkpoint has version {}; this binary reads {} to {}", version,
             kOldestVersion, kVersion),
         .hint = "it was written by a newer Mainstem"});
  }
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
  if (version >= 3) ReadAbout(&reader, &manifest);
  if (!reader.finished()) return Damaged("lengths do not fit");
  return manifest;
}

}  // namespace mainstem::process
