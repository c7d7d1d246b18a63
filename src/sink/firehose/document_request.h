// Records of a delivery stream as documents of OpenSearch: what they are called, and whether they
// are any. Pure. Sources: Amazon Data Firehose's guide, "Configure index rotation for OpenSearch
// Service" and the form of error records in "Handle data delivery failures".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sink/firehose/record_client.h"

namespace mainstem::sink {

enum class IndexRotation : uint8_t { kNone, kHour, kDay, kWeek, kMonth };

struct DocumentNames {
  std::string index;
  IndexRotation rotation = IndexRotation::kNone;
  std::string id_prefix;  // empty: the server gives the ids
  PartitionId partition;
};

// "clicks-2026-01-31" by the record's arrival in UTC: "-yyyy-MM-dd-HH", "-yyyy-MM-dd", "-yyyy-w05",
// "-yyyy-MM". Weeks begin on Sunday and are those of the year of their Saturday.
std::string IndexOf(const DocumentNames& names, const SentRecord& record);
// The same whenever the record is sent; empty when the server gives it.
std::string DocumentIdOf(const DocumentNames& names, const SentRecord& record);

// kInvalidRecord unless it is one JSON object. Numbers of any length pass.
Status CheckDocument(const std::string& data);
// Its two lines in the body of _bulk, of one that was checked.
void AppendIndexAction(const DocumentNames& names, const SentRecord& record, std::string* body);

std::string FailedDocumentLine(const DocumentNames& names, const SentRecord& record,
                               const RecordFailure& failure, RecordTries tries);

}  // namespace mainstem::sink
