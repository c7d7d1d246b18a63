// Topics of this node's own log, read without the network. Private to kafka.
#pragma once

#include <memory>

#include "source/kafka/kafka_topics.h"
#include "storage/log.h"

namespace mainstem::source {

// `log` outlives it.
std::shared_ptr<KafkaTopics> MakeLogTopics(storage::Log* log, bool read_committed);

}  // namespace mainstem::source
