// A delivery stream as this node keeps it: its topic and its job follow from it, under names that
// stand here before they are made (docs/decisions/0024-delivery-streams-are-jobs.md). Plain values.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "core/status.h"

namespace mainstem::gateway::firehose {

enum class SourceKind : uint8_t { kDirectPut, kKinesisStream };
std::string_view NameOf(SourceKind kind);  // "DirectPut", "KinesisStreamAsSource"

inline constexpr std::string_view kHttpKind = "HttpEndpointDestinationConfiguration";
inline constexpr std::string_view kOpenSearchKind =
    "AmazonopensearchserviceDestinationConfiguration";

// Kept as JSON under "firehose/NAME".
struct DeliveryStream {
  enum class State : uint8_t {
    kMaking,  // not answered yet: what there is of it goes with the next start
    kActive,
    kDeleting,
  };
  State state = State::kActive;
  std::string job;    // the id of its job
  std::string arn{};  // as it was told when the stream was made
  SourceKind source = SourceKind::kDirectPut;
  std::string topic;  // what its job reads
  // Of a Kinesis stream: the ARNs as given, and the place in each partition from which to read, as
  // 'scan.startup.specific-offsets' has it.
  std::string source_arn{};
  std::string source_role_arn{};
  std::string source_begin{};
  int64_t version = 1;  // of the destination
  int64_t created_ms = 0;
  int64_t updated_ms = 0;        // 0: never
  std::string destination_kind;  // the configuration's name: "ExtendedS3DestinationConfiguration"
  std::string destination;       // it, as JSON
  std::map<std::string, std::string> tags{};
  bool operator==(const DeliveryStream&) const = default;
};
// What a destination may not take (one that is no bucket, or has partitions) goes through a topic
// of its own: what its job has refused. The same for all versions of a stream.
bool HasFailedRecords(const DeliveryStream& stream);
// Whether its destination is no bucket, but has one beside it.
bool HasBackupBucket(const DeliveryStream& stream);

std::string EncodeStream(const DeliveryStream& stream);
Result<DeliveryStream> DecodeStream(std::string_view text);

inline constexpr int64_t kRecordBytesMax = 1'024'000;

// The topic with what its destination did not take, and that is not in the bucket yet.
std::string FailedTopicOf(const DeliveryStream& stream);
// The topic in which the records of a DirectPut stream lie.
std::string TopicOf(std::string_view stream);

}  // namespace mainstem::gateway::firehose
