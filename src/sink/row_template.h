// Texts with places for a row's values: bodies and addresses of requests, keys.
//   {{column}}       the value as JSON: "a\"b", 42, null
//   {{column|text}}  the value as text, in a form that may stand inside a JSON string
//   {{*}}            the whole row as a JSON object
//   {{$id}}          what tells this delivery of the row from all others
//   {{$op}}          upsert or delete
// Immutable once compiled; Render is not thread-safe (encoders).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "connector/options.h"
#include "core/status.h"

namespace mainstem::sink {

struct RenderedRow {
  std::string id;
  bool is_delete = false;
};

class RowTemplate {
 public:
  // What values are made fit for.
  enum class Use : uint8_t { kJson, kUrl, kPlain };  // kPlain: columns only, as their text
  struct Options {
    std::shared_ptr<arrow::Schema> schema;
    connector::FormatChoice format;  // of JSON values
    Use use = Use::kJson;
    // kPlain: what stands between the values. Inside those that may hold anything it gets a '\'
    // before it, as '\' itself does; 0: nothing does.
    char separator = '\0';
  };
  // kInvalidArgument says what is wrong, without the name of the option.
  static Result<RowTemplate> Compile(const std::string& text, Options options);
  RowTemplate(RowTemplate&&) noexcept;
  RowTemplate& operator=(RowTemplate&&) noexcept;
  ~RowTemplate();

  RowTemplate();  // the empty text

  bool is_static() const;
  std::vector<int> columns() const;  // those that it names
  // One text for each row.
  Result<std::vector<std::string>> Render(const std::shared_ptr<arrow::RecordBatch>& rows,
                                          const std::vector<RenderedRow>& about) const;

 private:
  struct Part;
  Status AddPlace(const std::string& place, const Options& options);

  std::vector<Part> parts_;
};

// A column's values as JSON.
Result<std::vector<std::string>> JsonTexts(const std::shared_ptr<arrow::Array>& column,
                                           const connector::FormatChoice& format);

}  // namespace mainstem::sink
