// A cluster of OpenSearch or Elasticsearch as far as a delivery needs it: _bulk, and the document
// that keeps how far a delivery has come. Everything blocks: call it on the blocking pool only. Not
// thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connector/http/http_session.h"
#include "core/ids.h"
#include "core/status.h"
#include "sink/opensearch/index_mapping.h"

namespace mainstem::sink {

struct ClusterOptions {
  std::vector<std::string> hosts;  // checked by CheckHttpUrl; tried in turn
  std::string path_prefix;         // "/search" or empty
  connector::HttpSessionOptions http;
  std::string password_file = {};  // wins over the password of `http`
};

// How far a delivery has come, as a document of the index 'mainstem-delivery'. It is changed by
// compare-and-set only, on (seq_no, primary_term): of two writers one notices the other.
struct StoredPosition {
  Offset position;   // all rows before it are in their documents
  Offset attempted;  // no row at or after it was ever sent
  int64_t first_version = 0;
  int64_t seq_no = -1;  // -1: not stored yet
  int64_t primary_term = 0;
};

class SearchCluster {
 public:
  // Reads the file of the password; connects to nobody yet.
  static Result<std::unique_ptr<SearchCluster>> Open(ClusterOptions options);

  // Makes the index when it is missing. Nullopt: no delivery of this id has begun.
  Result<std::optional<StoredPosition>> ReadPosition(const std::string& delivery);
  // Returns `next` with its new seq_no. kUnavailable when another writer has changed it.
  Result<StoredPosition> WritePosition(const std::string& delivery, StoredPosition next);

  // Any answer of the server, whatever its status.
  Result<connector::HttpAnswer> Bulk(std::string_view body);
  // Which of these ids the data stream holds, whatever backing index they are in.
  Result<std::vector<std::string>> FindIds(const std::string& index,
                                           const std::vector<std::string>& ids);
  // Replaces the index template of this name.
  Status PutTemplate(const std::string& name, const std::string& json);

  // nullopt: there is no such index yet.
  Result<std::optional<IndexMapping>> ReadMapping(const std::string& index);
  // `body`: of FieldMapping.
  Status AddField(const std::string& index, const std::string& body);

  const std::string& shown() const { return options_.hosts[at_]; }

 private:
  struct Request {
    std::string method;
    std::string path;
    std::string_view body = {};
    std::string content_type = "application/json";
  };
  explicit SearchCluster(ClusterOptions options);
  Result<connector::HttpAnswer> Send(const Request& request);
  Status MakePositions();

  ClusterOptions options_;
  connector::HttpSession session_;
  size_t at_ = 0;  // the host that answered last
};

// What an answer that is no success says. `what`: "cannot read the position".
Status StatusOfAnswer(const connector::HttpAnswer& answer, const std::string& what);

}  // namespace mainstem::sink
