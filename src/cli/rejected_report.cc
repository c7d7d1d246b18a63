#include "cli/rejected_report.h"

#include <fmt/format.h>

#include "process/job/job_topics.h"
#include "storage/record_batch.h"

namespace mainstem::cli {
namespace {

constexpr size_t kShownCount = 5;

// "a.csv:3: no number"
Result<std::string> CauseLine(const storage::RecordView& record) {
  ASSIGN_OR_RETURN(std::vector<storage::RecordHeader> headers, storage::ReadHeaders(record));
  std::string origin, cause;
  for (const storage::RecordHeader& header : headers) {
    if (header.key == "origin") origin = header.value.value_or("");
    if (header.key == "cause") cause = header.value.value_or("");
  }
  return fmt::format("  {}: {}\n", origin, cause);
}

Task<std::string> FirstCauses(storage::Log* log, storage::TopicPartition where) {
  CO_ASSIGN_OR_RETURN(storage::ReadResult read, co_await log->Read(where, Offset(0), {}));
  std::string lines;
  size_t shown = 0;
  for (const storage::SharedBytes& batch : read.batches) {
    CO_ASSIGN_OR_RETURN(auto reader, storage::RecordReader::Open(batch.bytes));
    storage::RecordView record;
    while (shown < kShownCount) {
      CO_ASSIGN_OR_RETURN(bool more, reader.Next(&record));
      if (!more) break;
      CO_ASSIGN_OR_RETURN(std::string line, CauseLine(record));
      lines += line;
      ++shown;
    }
  }
  co_return lines;
}

}  // namespace

Task<std::string> RejectedReport(storage::Log* log, RejectedReportOptions options) {
  std::string report;
  for (const std::string& id : options.job_ids) {
    auto topic = log->FindTopic(process::QuarantineTopicName(id));
    if (!topic) continue;
    storage::TopicPartition where{topic->id, PartitionId(0)};
    CO_ASSIGN_OR_RETURN(storage::PartitionOffsets offsets, co_await log->Offsets(where));
    int64_t count = offsets.high_watermark.value();
    if (count == 0) continue;
    CO_ASSIGN_OR_RETURN(std::string causes, co_await FirstCauses(log, where));
    std::string place = options.log_is_kept
                            ? fmt::format("kept in topic {}", topic->name)
                            : "--data FOLDER would keep them in a log, with their causes";
    report += fmt::format("rejected records: {} ({})\n{}", count, place, causes);
  }
  co_return report;
}

}  // namespace mainstem::cli
