// The rows that a test gives to a source table: a file of lines, and when each of them comes. Read
// once, then immutable. docs/testing.md describes the files.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/executor.h"
#include "core/ids.h"
#include "core/status.h"
#include "format/changelog.h"

namespace mainstem::sqltest {

inline constexpr int kPartitionsMax = 256;  // of an input or a topic

enum class FixtureKind : uint8_t {
  kRows,      // of `format`, columns by name: the table's own, metadata columns too
  kChanges,   // messages of the changelog format `format`
  kMessages,  // in the table's own format
  kTopic,     // records of a topic, a JSON object each
};

struct FixtureLine {
  std::string text;
  RowKind kind = RowKind::kInsert;
  ProcessingTime arrival;
  int partition = 0;
  int number = 0;    // in the file, from 1
  bool bad = false;  // meant to be undecodable
};

struct Fixture {
  std::string path;  // for messages
  FixtureKind kind = FixtureKind::kMessages;
  std::string format;                // "json", "csv", "debezium-json"; empty for kMessages, kTopic
  std::vector<std::string> columns;  // csv: as its first line names them
  std::vector<FixtureLine> lines;
  int partition_count = 1;
};

// The table that a file in input/ is about: "orders" of "orders.debezium.jsonl".
std::string TableOfFixture(std::string_view file_name);

// "orders" of "default_catalog.default_database.orders".
std::string ShortName(const std::string& full_name);

// `path` ends in the file's name, which decides about the kind. Rows come at `begin`, or when the
// lines "#@ .." before them say. Errors show file, line and place.
Result<Fixture> ParseFixture(const std::string& path, const std::string& text,
                             ProcessingTime begin);

// Says that line `number` of a fixture is wrong: "FILE: line 3, column 7: .." with the line below.
// `column` in bytes, from 0.
struct FixturePlace {
  std::string path;
  int number = 1;
  std::string_view line;
  size_t column = 0;
};
Status FixtureError(const FixturePlace& place, std::string message, std::string hint = "");

}  // namespace mainstem::sqltest
