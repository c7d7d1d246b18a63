#include "process/job/job_record_format.h"

#include "process/checkpoint/byte_codec.h"
#include "process/plan/settings.h"

namespace mainstem::process {
namespace {

constexpr uint8_t kVersion = 4;

}  // namespace

std::string EncodeJobRecord(const JobRecord& record) {
  ByteWriter writer;
  writer.Number(kVersion);
  writer.Text(record.id);
  writer.Text(record.name);
  writer.Text(record.script);
  writer.Number(record.statement_index);
  writer.Number(static_cast<uint8_t>(record.state));
  writer.Text(record.error);
  writer.Number(record.created_at_ms);
  writer.Number(record.finished_at_ms);
  writer.Number(static_cast<uint32_t>(record.settings.size()));
  for (const auto& [key, value] : record.settings) {
    writer.Text(key);
    writer.Text(value);
  }
  writer.Text(record.savepoint);
  writer.Number(record.savepoint_at_ms);
  writer.Text(record.pending_savepoint);
  writer.Number(static_cast<uint8_t>(record.pending_stop));
  writer.Number(record.generation);
  writer.Text(record.delivery_name);
  return std::move(writer.out());
}

Result<JobRecord> DecodeJobRecord(std::string_view bytes) {
  ByteReader reader(bytes);
  JobRecord record;
  const auto version = reader.Number<uint8_t>();
  bool known = version >= 1 && version <= kVersion;
  record.id = reader.Text();
  record.name = reader.Text();
  record.script = reader.Text();
  record.statement_index = reader.Number<uint32_t>();
  auto state = reader.Number<uint8_t>();
  known &= state <= static_cast<uint8_t>(JobState::kFailed);
  record.state = static_cast<JobState>(state);
  record.error = reader.Text();
  record.created_at_ms = reader.Number<int64_t>();
  record.finished_at_ms = reader.Number<int64_t>();
  for (uint32_t left = reader.Count(8); left > 0; --left) {
    std::string key = reader.Text();
    record.settings[std::move(key)] = reader.Text();
  }
  record.settings.try_emplace(std::string(plan::kPlanVersionKey), "1");
  if (version >= 2) {
    record.savepoint = reader.Text();
    record.savepoint_at_ms = reader.Number<int64_t>();
    record.pending_savepoint = reader.Text();
    const auto stop = reader.Number<uint8_t>();
    known &= stop <= static_cast<uint8_t>(JobRecord::PendingStop::kAtLastEpoch);
    record.pending_stop = static_cast<JobRecord::PendingStop>(stop);
  }
  if (version >= 3) record.generation = reader.Number<uint32_t>();
  if (version >= 4) record.delivery_name = reader.Text();
  if (!known || !reader.finished()) {
    return MakeError(ErrorCode::kCorruptStorage, "a stored job can't be read");
  }
  return record;
}

}  // namespace mainstem::process
