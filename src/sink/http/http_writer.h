// Sends the rows of one partition as requests: see http_sink.h. Private to this folder.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "connector/http/http_session.h"
#include "connector/table.h"
#include "sink/http/request_signature.h"
#include "sink/http/status_set.h"
#include "sink/row_template.h"

namespace mainstem::sink {

enum class BatchForm : uint8_t { kArray, kLines };

// What a table's options say.
struct HttpSinkOptions {
  std::string table_name;
  std::shared_ptr<arrow::Schema> schema;
  std::vector<int> key_columns;  // empty: append only
  connector::FormatChoice format;
  connector::HttpSessionOptions session;
  std::string url;   // a template
  std::string body;  // a template
  bool has_url_places = false;
  std::string method;
  std::string delete_method;
  std::vector<std::string> headers;                               // "Name: value"
  std::vector<std::pair<std::string, std::string>> header_files;  // name, path of the value
  std::string password_file;                                      // empty: none
  std::string idempotency_header;                                 // empty: none
  std::optional<SignatureScheme> scheme;
  std::string secret;
  std::string secret_file;
  size_t rows_max = 1;  // of one request
  BatchForm form = BatchForm::kArray;
  StatusSet success;
  StatusSet retry;
};

// How far each partition has come, kept from one writer to the next while the process lives: the
// receiver cannot be asked. Thread-safe.
class HttpProgress {
 public:
  struct Place {
    std::optional<Offset> position;  // all rows before it are sent
    // Of the delivery behind it, which ends here, so many rows are sent, too.
    Offset part_end;
    size_t part_sent = 0;
  };
  std::optional<Place> Find(const std::string& id) const;
  void Set(const std::string& id, Place place);

 private:
  mutable std::mutex mutex_;  // guards places_
  std::map<std::string, Place> places_;
};

std::unique_ptr<connector::DeliveryWriter> MakeHttpWriter(
    Env* env, std::shared_ptr<const HttpSinkOptions> options,
    std::shared_ptr<HttpProgress> progress, std::string delivery_id, PartitionId partition);

}  // namespace mainstem::sink
