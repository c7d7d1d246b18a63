// One conversation with a ClickHouse server by its HTTP interface. Everything blocks: on the pool
// only. Errors name server and table, never a password. Private to clickhouse.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connector/http/http_session.h"
#include "core/ids.h"
#include "sink/clickhouse/clickhouse_table.h"

namespace mainstem::sink {

struct ClickhouseServer {
  std::string url;  // 'http://host:8123'
  std::string database;
  std::string username;  // empty: the server's default user
  std::string password;
  connector::HttpSessionOptions http;
};

// How far a delivery has come, a row of the table 'mainstem_delivery'.
struct ClickhousePosition {
  std::optional<Offset> position;
  // Greater for a later history of the same delivery: versions and row ids begin with it.
  int64_t history = 0;
};

class ClickhouseSession {
 public:
  explicit ClickhouseSession(ClickhouseServer server);

  // What the server answers. kInvalidRecord: it cannot take the values; kPermissionDenied;
  // kNotFound: no such table or database; kUnavailable: it may be otherwise in a while.
  Result<std::string> Run(const std::string& statement, std::string_view data = {});
  struct InsertOptions {
    // A block that is equal to one before it is left out by an engine that is replicated.
    bool drops_equal_blocks = true;
  };
  Status Insert(const std::string& statement, std::string_view data, InsertOptions options);
  // nullopt when there is none.
  Result<std::optional<ClickhouseTable>> Describe(const std::string& table);
  // nullopt: never seen. Makes the table of positions when it is not there.
  Result<std::optional<ClickhousePosition>> ReadPosition(const std::string& delivery,
                                                         PartitionId partition);
  Status WritePosition(const std::string& delivery, PartitionId partition,
                       const ClickhousePosition& position);
  // `database`.`name`
  std::string FullName(const std::string& table) const;

 private:
  Result<std::string> Call(const std::string& statement, std::string_view data,
                           const std::string& settings);

  ClickhouseServer server_;
  connector::HttpSession http_;
};

}  // namespace mainstem::sink
