// Which commands bring changes of a table into Redis. Pure.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sink/jdbc/row_changes.h"
#include "sink/redis/resp.h"
#include "sink/row_template.h"

namespace mainstem::sink {

// Of the keys that rows go to.
enum class RedisType : uint8_t { kHash, kString, kSortedSet, kStream };
// As the command TYPE calls it.
std::string_view RedisTypeName(RedisType type);

struct RedisLayout {
  std::shared_ptr<arrow::Schema> schema;
  RedisType type = RedisType::kHash;
  RowTemplate key;
  std::optional<RowTemplate> member;  // of a sorted set
  std::optional<RowTemplate> value;   // of a string
  int score_column = -1;              // of a sorted set
  int64_t stream_length_max = 0;      // 0: no limit
  Duration time_to_live{};            // of hashes and strings; 0: for ever
  connector::FormatChoice format;     // of values that have no plain text
};

struct RowCommands {
  RowChange change;
  std::string key;
  RespCommands commands;
};

// Why a row cannot be stored at all: it has no score, or one that is no number. Empty: it can.
std::string UnstorableCause(const RedisLayout& layout, const arrow::RecordBatch& rows, int64_t row);

// One for each of `rows.changes`, in their order.
Result<std::vector<RowCommands>> CommandsOf(const RedisLayout& layout, const RowChanges& rows);

}  // namespace mainstem::sink
