// The mapping of an index beside a SQL table: whether documents will be taken, and what is added to
// it. Pure. Private to opensearch.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <arrow/type_fwd.h>

#include "connector/drift.h"

namespace mainstem::sink {

struct IndexMapping {
  std::string index;                          // the newest of a data stream
  std::map<std::string, std::string> fields;  // its type; "object" for one with fields of its own
  std::string dynamic = "true";               // what becomes of fields that it lacks
};

// From the answer to GET /<name>/_mapping. nullopt: not such an answer. An alias of several indexes
// has a mapping that takes everything: the answer does not tell which of them is written to.
std::optional<IndexMapping> ParseIndexMapping(std::string_view json);

// The body of PUT /<name>/_mapping that adds a field for the column.
std::string FieldMapping(const arrow::Field& column);

// Fields that are missing block only where the mapping is strict; a type that cannot be what the
// column writes blocks, one that may refuse some values does not.
connector::Differences CompareMapping(const std::string& name, const IndexMapping& mapping,
                                      const arrow::Schema& columns);

}  // namespace mainstem::sink
