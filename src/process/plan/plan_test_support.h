// Sessions over pretended connectors, for the tests of this folder.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "process/plan/planner.h"
#include "process/plan/session.h"
#include "process/sql/diagnostic.h"
#include "process/sql/parser.h"

namespace mainstem::process::plan {

// Knows the modes of the usual connectors; takes any option.
class FakeFacts : public TableFacts {
 public:
  Status Check(const connector::TableDescriptor& table) const override {
    if (ConnectorOf(table) == "nonesuch") {
      return MakeError(ErrorCode::kInvalidConfig, "unknown connector 'nonesuch'");
    }
    return Status::OK();
  }
  Result<SourceFacts> OfSource(const connector::TableDescriptor& table) const override {
    const std::string connector = ConnectorOf(table);
    if (connector == "print" || connector == "blackhole") {
      return MakeError(ErrorCode::kSemanticError, "connector 'print' cannot be read");
    }
    SourceFacts facts;
    if (connector == "upsert-kafka" || IsChangelog(table)) {
      facts.mode = {.update_before = true, .update_after = true, .deletes = true};
    }
    const auto format = table.options.find("format");
    facts.reads_rows_by_name = format != table.options.end() && format->second == "json";
    return facts;
  }
  Result<connector::SinkMode> SinkMode(const connector::TableDescriptor& table) const override {
    const std::string connector = ConnectorOf(table);
    if (connector == "print" || connector == "blackhole" || IsChangelog(table)) {
      return connector::SinkMode::kRetract;
    }
    const bool upsert =
        connector == "upsert-kafka" || (connector == "jdbc" && !table.primary_key.empty());
    return upsert ? connector::SinkMode::kUpsert : connector::SinkMode::kAppendOnly;
  }

 private:
  static std::string ConnectorOf(const connector::TableDescriptor& table) {
    const auto option = table.options.find("connector");
    return option == table.options.end() ? "" : option->second;
  }
  static bool IsChangelog(const connector::TableDescriptor& table) {
    const auto format = table.options.find("format");
    return format != table.options.end() &&
           (format->second == "debezium-json" || format->second == "canal-json");
  }
};

class TestSession {
 public:
  TestSession() : registry_(MakeBuiltinRegistry()), session_(&registry_, &facts_) {}

  Result<Answer> Run(const std::string& text) {
    Result<Answer> last = Answer{};
    ASSIGN_OR_RETURN(sql::Script script, sql::ParseScript(text));
    for (const sql::StatementPtr& statement : script.statements) {
      last = session_.Execute(*statement);
      RETURN_IF_ERROR(last);
    }
    return last;
  }
  void MustRun(const std::string& text) {
    const Result<Answer> answer = Run(text);
    ASSERT_TRUE(answer.ok()) << sql::RenderError(answer.status());
  }
  // The optimised plan of the last statement, or the error.
  std::string PlanOf(const std::string& text) {
    const Result<Answer> answer = Run(text);
    return answer.ok() ? PrintPlan(answer->plan, true) : sql::RenderError(answer.status());
  }
  // "a INTEGER, b VARCHAR NOT NULL" of a query's result, or the error.
  std::string ColumnsOf(const std::string& text) {
    const Result<Answer> answer = Run(text);
    if (!answer.ok()) return sql::RenderError(answer.status());
    if (answer->plan.sinks.empty()) return "no plan";
    std::string out;
    for (const RowField& column : answer->plan.sinks[0]->columns) {
      out += (out.empty() ? "" : ", ") + column.name() + " " + column.type().ToResultString();
    }
    return out;
  }
  std::string ErrorOf(const std::string& text) {
    const Result<Answer> answer = Run(text);
    return answer.ok() ? "no error" : sql::RenderError(answer.status());
  }
  // The first line of the error, without "error: ".
  std::string MessageOf(const std::string& text) {
    const Result<Answer> answer = Run(text);
    return answer.ok() ? "no error" : TextOf(answer.status()).message;
  }
  Session& session() { return session_; }

 private:
  const FunctionRegistry registry_;
  const FakeFacts facts_;
  Session session_;
};

inline constexpr char kEvents[] = R"(
CREATE TABLE ev (
  user_id STRING, amount INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '2' SECOND
) WITH ('connector' = 'filesystem', 'path' = 'x', 'format' = 'json');)";

}  // namespace mainstem::process::plan
