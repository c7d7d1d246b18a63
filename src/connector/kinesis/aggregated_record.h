// Records that the Kinesis Producer Library has packed into one:
//   F3 89 9A C2 | AggregatedRecord, a protobuf message | MD5 of the message, 16 bytes
//   AggregatedRecord: 1 partition keys, repeated string | 2 explicit hash keys, repeated string
//     | 3 records, repeated: 1 index of its partition key, 2 of its hash key, 3 data, 4 tags
// Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace mainstem::connector {

struct UserRecord {
  std::string_view partition_key;
  std::string_view data;
};

// What a packed record may become; others stay as they are.
inline constexpr size_t kUserRecordsMax = 100'000;
inline constexpr size_t kUserRecordBytesMax = 16 << 20;
inline constexpr int64_t kPartitionKeyCharactersMax = 256;
size_t BytesOfUserRecords(const std::vector<UserRecord>& records);

// The records within, views into `data`; none when it is a record like any other, or when they are
// more than `bytes_max`: many may share one key.
std::vector<UserRecord> UnpackAggregatedRecord(std::string_view data,
                                               size_t bytes_max = kUserRecordBytesMax);

}  // namespace mainstem::connector
