// Kafka's and librdkafka's errors as ours.
#pragma once

#include <string>

#include <librdkafka/rdkafka.h>

#include "core/status.h"

namespace mainstem::connector {

// What the code means for who waits: kUnavailable when it may pass by itself (a broker that is
// away, a coordinator that moves, a producer that another one has fenced off), kPermissionDenied
// with the right that is missing, kUnknownTopic, kInvalidRecord for a record that the topic cannot
// take, else kInvalidArgument. `doing`: "cannot write to topic 'a'"; `reason`: what the library
// says, may be empty.
Status KafkaStatus(rd_kafka_resp_err_t code, const std::string& doing, const std::string& reason);

// Takes ownership; null is OK.
Status TakeKafkaError(rd_kafka_error_t* error, const std::string& doing);

// The topic does not take this record, whatever is tried: too large, no key in a compacted topic,
// a time out of its bounds.
bool IsRecordRefused(rd_kafka_resp_err_t code);

}  // namespace mainstem::connector
