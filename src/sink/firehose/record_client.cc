#include "sink/firehose/record_client.h"

#include <absl/strings/escaping.h>

#include "core/json_writer.h"

namespace mainstem::sink {

std::vector<RecordFailure> FailuresOfAll(size_t count, const std::string& code,
                                         const Status& problem) {
  const ErrorText text = TextOf(problem);
  const std::string message =
      text.detail.empty() ? text.message : text.message + ": " + text.detail;
  std::vector<RecordFailure> failures;
  for (size_t i = 0; i < count; ++i) {
    failures.push_back({.index = i, .code = code, .message = message});
  }
  return failures;
}

Status PassingProblem(const Status& problem) {
  return MakeError(ErrorCode::kUnavailable, TextOf(problem));
}

std::string FailedRecordLine(const SentRecord& record, const RecordFailure& failure,
                             RecordTries tries) {
  JsonWriter json;
  json.BeginObject().Field("attemptsMade", tries.count);
  json.Field("arrivalTimestamp", record.arrival_ms).Field("errorCode", failure.code);
  json.Field("errorMessage", failure.message).Field("attemptEndingTimestamp", tries.ended_ms);
  json.Field("rawData", absl::Base64Escape(record.data)).EndObject();
  return json.Take();
}

}  // namespace mainstem::sink
