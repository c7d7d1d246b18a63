// A session with a DuckDB file: see sql_session.h. The library is loaded when the first session is
// opened; a program without it works but for this. Sessions of one file share an instance, which
// is closed, and the file unlocked, with the last of them.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "connector/jdbc/sql_session.h"

namespace mainstem::connector {

struct DuckdbTarget {
  std::string path;
  bool creates = false;                       // the file, and by the sink also the table
  int64_t memory_limit = int64_t{256} << 20;  // bytes of an instance, beyond our own budget
};

class DuckdbSession final : public SqlSession {
 public:
  // kUnavailable while another process has the file open, kUnsupported without the library.
  static Result<std::unique_ptr<DuckdbSession>> Open(const DuckdbTarget& target);
  ~DuckdbSession() override;

  Result<SqlRows> Run(const std::string& statement, std::span<const SqlValue> parameters) override;
  Status Execute(const std::string& statement) override;
  // Into a temporary table, all at once: a statement for some of the rows would take memory for
  // each of its own.
  Status AppendTemporary(const std::string& table, std::span<const std::vector<SqlValue>> rows);
  const std::string& shown() const override { return path_; }

 private:
  explicit DuckdbSession(std::string path) : path_(std::move(path)) {}
  Status ErrorOf(const char* message) const;
  Result<void*> Prepare(const std::string& statement);

  std::string path_;
  bool has_instance_ = false;
  void* connection_ = nullptr;
  std::map<std::string, void*> statements_;
};

}  // namespace mainstem::connector
