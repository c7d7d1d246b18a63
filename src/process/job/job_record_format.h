// A job as it is kept in the log's meta values, under "jobs/<id>":
//
//   u8 version (4) | text id | text name | text script | u32 statement index | u8 state | text
//   error | i64 created at, ms | i64 finished at, ms | u32 n, (text key, text value)*n settings
//   | text savepoint | i64 savepoint at, ms | text pending savepoint | u8 pending stop
//   | u32 generation | text delivery name
//
// Numbers little endian; text is u32 length and bytes. Valid iff the version is 1 (which ends with
// the settings), 2 (with the pending stop), 3 (with the generation) or 4, state and pending stop
// are known and the bytes are used up exactly. The plan is made anew from the script at each start,
// by the version of planning among the settings (mainstem.plan.version; without it 1). An empty
// value: the job is being forgotten, and a start goes on with it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "core/status.h"
#include "process/job/job_description.h"

namespace mainstem::process {

struct JobRecord {
  std::string id;
  std::string name;
  std::string script;
  uint32_t statement_index = 0;  // of the INSERT or STATEMENT SET in the script
  JobState state = JobState::kCreated;
  std::string error;
  int64_t created_at_ms = 0;
  int64_t finished_at_ms = 0;
  std::map<std::string, std::string> settings;
  // The last one that is whole.
  std::string savepoint;
  int64_t savepoint_at_ms = 0;
  // The folder of one that has been begun and not ended; a start removes what lies there, or goes
  // on with the stop that it belongs to.
  std::string pending_savepoint;
  enum class PendingStop : uint8_t { kNone, kStop, kDrain, kAtLastEpoch };
  PendingStop pending_stop = PendingStop::kNone;
  // How often the script has been replaced: what an earlier one left at a destination is not its.
  uint32_t generation = 0;
  // What destinations know the job by, unlike that of any other job that there ever was. Empty, of
  // jobs of before: its id.
  std::string delivery_name;
};

std::string EncodeJobRecord(const JobRecord& record);
Result<JobRecord> DecodeJobRecord(std::string_view bytes);

}  // namespace mainstem::process
