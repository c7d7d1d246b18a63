// The functions of DuckDB's C API that we call, found in libduckdb.so when it is first wanted:
// there is no package of it to link against. Private to this folder. Source:
// duckdb.org/docs/stable/clients/c/api.
#pragma once

#include <cstdint>

#include "core/status.h"

namespace mainstem::connector {

struct DuckdbResult {
  uint64_t unused_counts[3];
  void* unused_columns;
  char* unused_message;
  void* internal;
};

// States: 0 is success. Handles are pointers.
struct DuckdbLibrary {
  int (*open_ext)(const char* path, void** database, void* config, char** error);
  void (*close)(void** database);
  int (*create_config)(void** config);
  int (*set_config)(void* config, const char* name, const char* value);
  void (*destroy_config)(void** config);
  int (*connect)(void* database, void** connection);
  void (*disconnect)(void** connection);
  int (*query)(void* connection, const char* statement, DuckdbResult* result);
  void (*destroy_result)(DuckdbResult* result);
  const char* (*result_error)(DuckdbResult* result);
  int (*prepare)(void* connection, const char* statement, void** prepared);
  void (*destroy_prepare)(void** prepared);
  const char* (*prepare_error)(void* prepared);
  int (*clear_bindings)(void* prepared);
  int (*bind_int64)(void* prepared, uint64_t index, int64_t value);
  int (*bind_double)(void* prepared, uint64_t index, double value);
  int (*bind_varchar_length)(void* prepared, uint64_t index, const char* text, uint64_t size);
  int (*bind_blob)(void* prepared, uint64_t index, const void* bytes, uint64_t size);
  int (*bind_null)(void* prepared, uint64_t index);
  int (*execute_prepared)(void* prepared, DuckdbResult* result);
  uint64_t (*row_count)(DuckdbResult* result);
  uint64_t (*column_count)(DuckdbResult* result);
  uint64_t (*rows_changed)(DuckdbResult* result);
  bool (*value_is_null)(DuckdbResult* result, uint64_t column, uint64_t row);
  char* (*value_varchar)(DuckdbResult* result, uint64_t column, uint64_t row);
  void (*free)(void* pointer);
  int (*appender_create_ext)(void* connection, const char* catalog, const char* schema,
                             const char* table, void** appender);
  const char* (*appender_error)(void* appender);
  int (*append_int64)(void* appender, int64_t value);
  int (*append_double)(void* appender, double value);
  int (*append_varchar_length)(void* appender, const char* text, uint64_t size);
  int (*append_blob)(void* appender, const void* bytes, uint64_t size);
  int (*append_null)(void* appender);
  int (*appender_end_row)(void* appender);
  int (*appender_close)(void* appender);
  int (*appender_destroy)(void** appender);

  // From the file that MAINSTEM_DUCKDB_LIBRARY names, else libduckdb.so beside the program or where
  // the system has its libraries. kUnsupported says how to get it. Thread-safe; never unloaded.
  static Result<const DuckdbLibrary*> Load();
};

}  // namespace mainstem::connector
