// A part of jq's language, as far as Amazon Data Firehose's partitions need it: one object whose
// values are scalars found in a record.
//   {customer: .customer_id, year: (.at // .sent | strftime("%Y")), kind: .tags[0]}
// There are paths (.a."b c"["d"][0][-1]), | // ( ), literals, and the functions of kRecordFunctions
// (record_query.cc). What jq has beside that is refused when the query is compiled, by its name.
// Source: jq 1.6's manual. Pure, immutable; any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <simdjson.h>

#include "core/status.h"

namespace mainstem::format {

struct RecordQueryNode;

class RecordQuery {
 public:
  // kInvalidArgument says what is wrong with it.
  static Result<RecordQuery> Compile(std::string_view text);

  // In their order.
  const std::vector<std::string>& keys() const { return keys_; }
  // A text for each key. kInvalidRecord when there is an error, or a value is null, empty, an array
  // or an object.
  Result<std::vector<std::string>> Run(simdjson::dom::element record) const;

 private:
  std::vector<std::string> keys_;
  std::vector<std::shared_ptr<const RecordQueryNode>> values_;
};

}  // namespace mainstem::format
