// A SQL script as a test sees it: planned over the stand-ins, so that its errors show their place,
// with the tables it reads and those it fills. Immutable after Make.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "process/plan/logical_plan.h"
#include "sqltest/stand_ins.h"

namespace mainstem::sqltest {

// A table that the script reads.
struct ScriptSource {
  std::string name;  // short: "orders"
  connector::TableDescriptor table;
  bool insert_only = true;
  struct Watermark {
    std::string column;
    std::string expr_sql;
  };
  std::optional<Watermark> watermark;
};

// A table that the script fills, or the rows of a SELECT: "result", "result-2" ..
struct ScriptSink {
  std::string name;        // short
  std::string table_name;  // in full
  std::vector<std::string> columns;
  std::vector<process::LogicalType> types;
  // Columns of the primary key; empty: none.
  std::vector<int> key;
  connector::SinkMode mode = connector::SinkMode::kAppendOnly;
};

class Script {
 public:
  // `inputs` lives as long as the call; what it says of tables that are handed on does not count.
  static Result<Script> Make(const std::string& text, const Inputs& inputs,
                             const std::map<std::string, std::string>& settings);

  // With SELECTs that fill tables, and without the settings that are the test's: parallelism and
  // the checkpoints' interval.
  const std::string& job_text() const { return job_text_; }
  // Tables, views and settings alone.
  const std::string& definitions() const { return definitions_; }
  const std::vector<ScriptSource>& sources() const { return sources_; }
  const std::vector<ScriptSink>& sinks() const { return sinks_; }  // that are not handed on
  // Topics' tables that the script fills and reads, without an input: see Inputs.
  const std::set<std::string>& handed_on() const { return handed_on_; }

 private:
  void AddPlan(const process::plan::Plan& plan);
  void AddSource(const process::plan::ScanNode& scan);
  void AddSink(const process::plan::SinkNode& sink);

  std::string job_text_;
  std::string definitions_;
  std::vector<ScriptSource> sources_;
  std::vector<ScriptSink> sinks_;
  std::set<std::string> handed_on_;
};

}  // namespace mainstem::sqltest
