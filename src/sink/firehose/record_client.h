// How records of a delivery stream come to their destination, as seen by the one who gathers them
// (record_writer.h), and how what fails is told. The latter is of filesystem/, too; all else
// private to this folder.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/executor.h"
#include "core/ids.h"
#include "core/status.h"

namespace mainstem::sink {

struct SentRecord {
  std::string data;
  int64_t arrival_ms = 0;
  // Its place in the log, which no crash changes: the end of its delivery, and the row in that.
  Offset end = {};
  int64_t row = 0;
};

struct RecordRequest {
  std::string id;
  int64_t timestamp_ms = 0;
};

struct RecordFailure {
  size_t index = 0;  // of the record in what was sent
  std::string code;
  std::string message;
};

// What became of records that were sent. Those that are not named are taken.
struct RecordAnswer {
  std::vector<RecordFailure> refused;  // for good
  std::vector<RecordFailure> again;    // may be taken another time
  Status problem;                      // of `again`: kUnavailable, for users
};
// All of `count`, for the same reason.
std::vector<RecordFailure> FailuresOfAll(size_t count, const std::string& code,
                                         const Status& problem);

// What hinders a request as kUnavailable, whatever it is: it is tried for as long as the stream
// says, then its records go elsewhere.
Status PassingProblem(const Status& problem);

// How often one was tried, and until when.
struct RecordTries {
  int64_t count = 0;
  int64_t ended_ms = 0;
};

// A record that could not be delivered, as a line of JSON in the form of Amazon's error records.
std::string FailedRecordLine(const SentRecord& record, const RecordFailure& failure,
                             RecordTries tries);

// Not thread-safe; one request at a time.
class RecordClient {
 public:
  virtual ~RecordClient() = default;
  // Sends them once. Fails only when it is cancelled, or can't try. `records` live until then.
  virtual Task<RecordAnswer> Send(RecordRequest request,
                                  std::vector<const SentRecord*> records) = 0;
  // FailedRecordLine, with what the destination has beside it.
  virtual std::string FailedLine(const SentRecord& record, const RecordFailure& failure,
                                 RecordTries tries) const = 0;
};

}  // namespace mainstem::sink
