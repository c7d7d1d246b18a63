// A JSON document as a tree, and what a path with wildcards, places from the end, slices, several
// keys or `..` finds in it, as the library JsonPath does, which Flink uses. Private to json_path.
#pragma once

#include <string>
#include <vector>

#include "process/expr/json_path.h"

namespace mainstem::process {

struct JsonChild;

struct JsonNode {
  JsonItem::Kind kind = JsonItem::Kind::kNull;
  std::string json;  // of a scalar: its text in the document's form
  std::string text;  // of a string: its characters
  // Of an object, in the document's order, each key once; of an array with empty keys.
  std::vector<JsonChild> children;
};

struct JsonChild {
  std::string key;
  JsonNode node;
};

JsonItem ToItem(const JsonNode& node);

// The values at the path, in the order in which they are found; none are found by `$..x` without
// any x. False: something that the path names before its first wildcard is not there.
bool FindInTree(const JsonNode& root, const JsonPath& path, std::vector<JsonItem>* items);

}  // namespace mainstem::process
