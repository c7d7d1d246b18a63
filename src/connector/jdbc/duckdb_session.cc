#include "connector/jdbc/duckdb_session.h"

#include <mutex>

#include "connector/jdbc/duckdb_library.h"

namespace mainstem::connector {
namespace {

constexpr char kThreads[] = "1";

// "Constraint Error: ..." tells the kind by its first words.
ErrorCode CodeOfDuckdb(std::string_view message) {
  auto begins = [&](std::string_view words) { return message.starts_with(words); };
  auto holds = [&](std::string_view words) { return message.find(words) != message.npos; };
  if (begins("Constraint Error") || begins("Conversion Error") || begins("Out of Range Error") ||
      begins("Mismatch Type Error")) {
    return ErrorCode::kInvalidRecord;
  }
  if (holds("newer version of DuckDB")) return ErrorCode::kInvalidArgument;
  if (holds("No space left")) return ErrorCode::kDiskFull;
  if (begins("Permission Error") || holds("Permission denied")) return ErrorCode::kPermissionDenied;
  if (begins("Catalog Error") || holds("No such file or directory")) return ErrorCode::kNotFound;
  if (begins("IO Error") || begins("TransactionContext Error") || begins("FATAL Error") ||
      begins("Interrupt")) {
    return ErrorCode::kUnavailable;
  }
  if (begins("INTERNAL Error")) return ErrorCode::kInternal;
  return ErrorCode::kInvalidArgument;
}

Status DuckdbError(const std::string& path, std::string_view message) {
  ErrorText text{.message = "DuckDB file " + path + ": " + std::string(message)};
  if (message.find("Conflicting lock") != message.npos) {
    text.hint = "another program has the file open; it is waited for";
  } else if (message.find("newer version of DuckDB") != message.npos) {
    text.hint =
        "name a newer libduckdb.so by MAINSTEM_DUCKDB_LIBRARY, or write the file anew with "
        "an older STORAGE_VERSION";
  } else if (message.starts_with("Out of Memory Error")) {
    text.message = text.message.substr(0, text.message.find('\n'));
    text.hint = "raise the option 'memory-limit', or lower 'sink.buffer-flush.max-rows'";
  }
  return MakeError(CodeOfDuckdb(message), std::move(text));
}

// The open files of this process. DuckDB allows one instance for each, and holds a lock on it.
class Instances {
 public:
  static Instances& Get() {
    static Instances instances;
    return instances;
  }

  Result<void*> Acquire(const DuckdbLibrary& library, const DuckdbTarget& target) {
    std::lock_guard lock(mutex_);
    Instance& instance = by_path_[target.path];
    if (instance.session_count == 0) {
      Status opened = Open(library, target, &instance.database);
      if (!opened.ok()) {
        by_path_.erase(target.path);
        return opened;
      }
    }
    ++instance.session_count;
    return instance.database;
  }

  void Release(const DuckdbLibrary& library, const std::string& path) {
    std::lock_guard lock(mutex_);
    auto found = by_path_.find(path);
    CHECK(found != by_path_.end());
    if (--found->second.session_count > 0) return;
    library.close(&found->second.database);
    by_path_.erase(found);
  }

 private:
  struct Instance {
    void* database = nullptr;
    int session_count = 0;
  };

  static Status Open(const DuckdbLibrary& library, const DuckdbTarget& target, void** database) {
    void* config = nullptr;
    if (library.create_config(&config) != 0) {
      return MakeError(ErrorCode::kResourceExhausted, "no memory for DuckDB");
    }
    std::string limit = std::to_string(target.memory_limit >> 20) + "MiB";
    library.set_config(config, "memory_limit", limit.c_str());
    library.set_config(config, "threads", kThreads);
    char* error = nullptr;
    int state = library.open_ext(target.path.c_str(), database, config, &error);
    library.destroy_config(&config);
    if (state == 0) return Status::OK();
    std::string message = error == nullptr ? "it cannot be opened" : error;
    library.free(error);
    return DuckdbError(target.path, message);
  }

  std::mutex mutex_;  // guards by_path_, and that a file is opened or closed by one at a time
  std::map<std::string, Instance> by_path_;
};

// The library is there when a session is.
const DuckdbLibrary& Library() { return *DuckdbLibrary::Load().ValueOrDie(); }

class ResultGuard {
 public:
  ~ResultGuard() { Library().destroy_result(&result_); }
  DuckdbResult* get() { return &result_; }

 private:
  DuckdbResult result_{};
};

int BindValue(const DuckdbLibrary& library, void* prepared, uint64_t index, const SqlValue& value) {
  if (const auto* number = std::get_if<int64_t>(&value)) {
    return library.bind_int64(prepared, index, *number);
  }
  if (const auto* number = std::get_if<double>(&value)) {
    return library.bind_double(prepared, index, *number);
  }
  if (const auto* text = std::get_if<std::string>(&value)) {
    return library.bind_varchar_length(prepared, index, text->data(), text->size());
  }
  if (const auto* bytes = std::get_if<SqlBytes>(&value)) {
    return library.bind_blob(prepared, index, bytes->bytes.data(), bytes->bytes.size());
  }
  return library.bind_null(prepared, index);
}

int AppendValue(const DuckdbLibrary& library, void* appender, const SqlValue& value) {
  if (const auto* number = std::get_if<int64_t>(&value)) {
    return library.append_int64(appender, *number);
  }
  if (const auto* number = std::get_if<double>(&value)) {
    return library.append_double(appender, *number);
  }
  if (const auto* text = std::get_if<std::string>(&value)) {
    return library.append_varchar_length(appender, text->data(), text->size());
  }
  if (const auto* bytes = std::get_if<SqlBytes>(&value)) {
    return library.append_blob(appender, bytes->bytes.data(), bytes->bytes.size());
  }
  return library.append_null(appender);
}

// False after a failure, of which the appender knows.
bool AppendAll(const DuckdbLibrary& library, void* appender,
               std::span<const std::vector<SqlValue>> rows) {
  for (const std::vector<SqlValue>& row : rows) {
    for (const SqlValue& value : row) {
      if (AppendValue(library, appender, value) != 0) return false;
    }
    if (library.appender_end_row(appender) != 0) return false;
  }
  return library.appender_close(appender) == 0;
}

SqlRows RowsOf(const DuckdbLibrary& library, DuckdbResult* result) {
  SqlRows rows;
  rows.affected_count = static_cast<int64_t>(library.rows_changed(result));
  for (uint64_t row = 0; row < library.row_count(result); ++row) {
    auto& texts = rows.rows.emplace_back();
    for (uint64_t column = 0; column < library.column_count(result); ++column) {
      char* text = library.value_is_null(result, column, row)
                       ? nullptr
                       : library.value_varchar(result, column, row);
      texts.push_back(text == nullptr ? std::nullopt : std::optional<std::string>(text));
      library.free(text);
    }
  }
  return rows;
}

}  // namespace

Result<std::unique_ptr<DuckdbSession>> DuckdbSession::Open(const DuckdbTarget& target) {
  ASSIGN_OR_RETURN(const DuckdbLibrary* library, DuckdbLibrary::Load());
  std::unique_ptr<DuckdbSession> session(new DuckdbSession(target.path));
  ASSIGN_OR_RETURN(void* database, Instances::Get().Acquire(*library, target));
  session->has_instance_ = true;
  if (library->connect(database, &session->connection_) != 0) {
    return MakeError(ErrorCode::kResourceExhausted, "no memory for DuckDB");
  }
  return session;
}

DuckdbSession::~DuckdbSession() {
  if (!has_instance_) return;
  const DuckdbLibrary& library = Library();
  for (auto& [text, statement] : statements_) library.destroy_prepare(&statement);
  if (connection_ != nullptr) library.disconnect(&connection_);
  Instances::Get().Release(library, path_);
}

Status DuckdbSession::ErrorOf(const char* message) const {
  return DuckdbError(path_, message == nullptr ? "an error without a message" : message);
}

Result<void*> DuckdbSession::Prepare(const std::string& statement) {
  auto found = statements_.find(statement);
  if (found != statements_.end()) return found->second;
  void* prepared = nullptr;
  if (Library().prepare(connection_, statement.c_str(), &prepared) != 0) {
    Status failed = ErrorOf(Library().prepare_error(prepared));
    Library().destroy_prepare(&prepared);
    return failed;
  }
  statements_[statement] = prepared;
  return prepared;
}

Result<SqlRows> DuckdbSession::Run(const std::string& statement,
                                   std::span<const SqlValue> parameters) {
  const DuckdbLibrary& library = Library();
  ASSIGN_OR_RETURN(void* prepared, Prepare(statement));
  library.clear_bindings(prepared);
  uint64_t index = 0;
  for (const SqlValue& value : parameters) {
    if (BindValue(library, prepared, ++index, value) != 0) {
      return ErrorOf(library.prepare_error(prepared));
    }
  }
  ResultGuard result;
  if (library.execute_prepared(prepared, result.get()) != 0) {
    return ErrorOf(library.result_error(result.get()));
  }
  return RowsOf(library, result.get());
}

Status DuckdbSession::Execute(const std::string& statement) {
  ResultGuard result;
  if (Library().query(connection_, statement.c_str(), result.get()) == 0) return Status::OK();
  return ErrorOf(Library().result_error(result.get()));
}

Status DuckdbSession::AppendTemporary(const std::string& table,
                                      std::span<const std::vector<SqlValue>> rows) {
  const DuckdbLibrary& library = Library();
  void* appender = nullptr;
  int state = library.appender_create_ext(connection_, "temp", "main", table.c_str(), &appender);
  bool is_done = state == 0 && AppendAll(library, appender, rows);
  Status status = is_done ? Status::OK() : ErrorOf(library.appender_error(appender));
  library.appender_destroy(&appender);
  return status;
}

}  // namespace mainstem::connector
