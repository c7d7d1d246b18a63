// Which connectors exist and what options they declare. Built once by server/ (one line for each
// connector) and handed to the engine; no global state.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "connector/table.h"
#include "core/status.h"

namespace mainstem::connector {

struct OptionSpec {
  std::string name;  // 'scan.startup.mode'; a trailing '*' takes any suffix: 'properties.*'
  std::string default_value = {};  // empty: none
  std::string documentation = {};
  bool required = false;
  bool secret = false;  // never shown
};

inline constexpr std::string_view kValueMetadataPrefix = "value.";

struct ConnectorSpec {
  std::string name;  // 'kafka'
  std::string documentation;
  std::vector<OptionSpec> options = {};  // without 'connector' and without format options
  bool takes_format = false;             // 'format', 'key.format', 'value.format' and '<format>.*'
  std::map<std::string, std::string> metadata_keys =
      {};  // key -> SQL type, e.g. 'offset' -> 'BIGINT'
  // Also those of the value's format, as 'value.<key>'.
  bool takes_format_metadata = false;
  std::function<Result<std::unique_ptr<TableSource>>(TableDescriptor, ConnectorContext)>
      make_source = {};
  std::function<Result<std::unique_ptr<TableSink>>(TableDescriptor, ConnectorContext)> make_sink =
      {};
};

class ConnectorRegistry {
 public:
  void Add(ConnectorSpec spec);
  const ConnectorSpec* Find(const std::string& name) const;
  std::vector<const ConnectorSpec*> List() const;  // sorted by name
  std::vector<std::string> Names() const;          // likewise

  // Checks 'connector' and every option name; suggests the near one. No I/O.
  Status Check(const TableDescriptor& table) const;
  Result<std::unique_ptr<TableSource>> MakeSource(TableDescriptor table,
                                                  ConnectorContext context) const;
  Result<std::unique_ptr<TableSink>> MakeSink(TableDescriptor table,
                                              ConnectorContext context) const;

 private:
  std::map<std::string, ConnectorSpec> by_name_;
};

}  // namespace mainstem::connector
