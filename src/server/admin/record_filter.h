// Which records a search keeps: a substring of key or value, and a path into JSON values such as
// "$.user=alice", "$.items[0].price!=3" or "$.error" (is there). Pure, apart from a parser's
// buffers.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/status.h"
#include "storage/record_batch.h"

namespace mainstem::server {

class RecordFilter {
 public:
  // Empty texts filter nothing. kInvalidArgument for a malformed path.
  static Result<RecordFilter> Make(std::string search, std::string path);
  ~RecordFilter();
  RecordFilter(RecordFilter&&) noexcept;
  bool filters() const;
  bool Keeps(const storage::RecordView& record);

 private:
  struct Impl;
  explicit RecordFilter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mainstem::server
