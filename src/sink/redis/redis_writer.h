// Delivers one partition into Redis, by transactions that also move the position: see
// redis_sink.h. Private to this folder.
#pragma once

#include <memory>
#include <string>

#include "connector/table.h"
#include "sink/redis/redis_session.h"
#include "sink/redis/row_commands.h"

namespace mainstem::sink {

// What a table's options say.
struct RedisOptions {
  std::string table_name;
  RedisServer server;
  RedisLayout layout;
  std::vector<int> key_columns;  // empty: append only
  int64_t rows_max = 1000;       // of one transaction, about
  Duration interval{};           // 0: no limit by time
};

std::unique_ptr<connector::DeliveryWriter> MakeRedisWriter(
    Env* env, std::shared_ptr<const RedisOptions> options, std::string delivery_id,
    PartitionId partition);

}  // namespace mainstem::sink
