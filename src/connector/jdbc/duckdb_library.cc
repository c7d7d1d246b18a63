#include "connector/jdbc/duckdb_library.h"

#include <dlfcn.h>

#include <mutex>

#include "core/config.h"

namespace mainstem::connector {
namespace {

Status NoLibrary(std::string detail) {
  return MakeError(ErrorCode::kUnsupported,
                   {.message = "the library of DuckDB could not be loaded",
                    .detail = std::move(detail),
                    .hint = "get libduckdb.so from duckdb.org and name it by the environment "
                            "variable MAINSTEM_DUCKDB_LIBRARY"});
}

template <typename Function>
void Find(void* handle, const char* name, Function* function, std::string* missing) {
  std::string symbol = std::string("duckdb_") + name;
  *function = reinterpret_cast<Function>(dlsym(handle, symbol.c_str()));
  if (*function == nullptr && missing->empty()) *missing = symbol;
}

Result<const DuckdbLibrary*> LoadOnce() {
  std::string path = EnvironmentVariable("MAINSTEM_DUCKDB_LIBRARY").value_or("libduckdb.so");
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return NoLibrary(dlerror());
  static DuckdbLibrary library;
  std::string missing;
#define MAINSTEM_FIND(name) Find(handle, #name, &library.name, &missing)
  MAINSTEM_FIND(open_ext);
  MAINSTEM_FIND(close);
  MAINSTEM_FIND(create_config);
  MAINSTEM_FIND(set_config);
  MAINSTEM_FIND(destroy_config);
  MAINSTEM_FIND(connect);
  MAINSTEM_FIND(disconnect);
  MAINSTEM_FIND(query);
  MAINSTEM_FIND(destroy_result);
  MAINSTEM_FIND(result_error);
  MAINSTEM_FIND(prepare);
  MAINSTEM_FIND(destroy_prepare);
  MAINSTEM_FIND(prepare_error);
  MAINSTEM_FIND(clear_bindings);
  MAINSTEM_FIND(bind_int64);
  MAINSTEM_FIND(bind_double);
  MAINSTEM_FIND(bind_varchar_length);
  MAINSTEM_FIND(bind_blob);
  MAINSTEM_FIND(bind_null);
  MAINSTEM_FIND(execute_prepared);
  MAINSTEM_FIND(row_count);
  MAINSTEM_FIND(column_count);
  MAINSTEM_FIND(rows_changed);
  MAINSTEM_FIND(value_is_null);
  MAINSTEM_FIND(value_varchar);
  MAINSTEM_FIND(free);
  MAINSTEM_FIND(appender_create_ext);
  MAINSTEM_FIND(appender_error);
  MAINSTEM_FIND(append_int64);
  MAINSTEM_FIND(append_double);
  MAINSTEM_FIND(append_varchar_length);
  MAINSTEM_FIND(append_blob);
  MAINSTEM_FIND(append_null);
  MAINSTEM_FIND(appender_end_row);
  MAINSTEM_FIND(appender_close);
  MAINSTEM_FIND(appender_destroy);
#undef MAINSTEM_FIND
  if (!missing.empty()) return NoLibrary(path + " has no function " + missing);
  return &library;
}

}  // namespace

Result<const DuckdbLibrary*> DuckdbLibrary::Load() {
  static std::mutex mutex;  // guards loaded
  static const DuckdbLibrary* loaded = nullptr;
  std::lock_guard lock(mutex);
  if (loaded == nullptr) {
    ASSIGN_OR_RETURN(loaded, LoadOnce());
  }
  return loaded;
}

}  // namespace mainstem::connector
