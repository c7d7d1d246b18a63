#include "process/job/testing/counting_job.h"

#include <algorithm>

#include <arrow/api.h>
#include <fmt/format.h>

namespace mainstem::process::testing {
namespace {

connector::TableDescriptor NamedTable(const std::string& name, const std::string& connector,
                                      const std::string& option) {
  connector::TableDescriptor table;
  table.name = name;
  table.options["connector"] = connector;
  table.options[option] = name;
  return table;
}

}  // namespace

plan::Plan CountingPlan(bool upsert) {
  plan::Columns rows = {{"k", LogicalType::String()}, {"v", LogicalType::BigInt()}};
  auto scan = std::make_shared<plan::ScanNode>();
  scan->id = "scan-1";
  scan->table = NamedTable("src", "memory", "name");
  scan->projection = {0, 1};
  scan->columns = rows;
  auto group = std::make_shared<plan::GroupAggregateNode>();
  group->id = "group-aggregate-1";
  group->inputs = {scan};
  group->keys = {0};
  plan::AggregateSpec count;
  count.call.name = "COUNT";
  count.result = LogicalType::BigInt().NotNull();
  plan::AggregateSpec sum;
  sum.call.name = "SUM";
  sum.call.args = {LogicalType::BigInt()};
  sum.args = {1};
  sum.result = LogicalType::BigInt();
  group->aggregates = {count, sum};
  group->columns = {{"k", LogicalType::String()}, {"c", count.result}, {"s", sum.result}};
  group->changelog = {.update_before = !upsert, .update_after = true, .deletes = false};
  auto sink = std::make_shared<plan::SinkNode>();
  sink->id = "sink-1";
  sink->inputs = {group};
  sink->table = NamedTable("out", "memory-table", "name");
  sink->mode = upsert ? connector::SinkMode::kUpsert : connector::SinkMode::kRetract;
  if (upsert) {
    sink->table.primary_key = {"k"};
    sink->primary_key = {0};
  }
  auto topic = std::make_shared<plan::SinkNode>();
  topic->id = "sink-2";
  topic->inputs = {scan};
  topic->table = NamedTable("copy", "memory-topic", "topic");
  plan::Plan plan;
  plan.sinks = {sink, topic};
  return plan;
}

CountingModel::CountingModel(const CountingRowsOptions& options, std::mt19937_64* random,
                             MemoryWorld* world) {
  for (int split = 0; split < options.split_count; ++split) {
    auto& batches = world->sources["src"].splits.emplace_back();
    for (int i = 0; i < options.batch_count; ++i) {
      batches.push_back(MakeRows(options.row_count, random));
    }
  }
  world->sources["src"].read_delay = std::chrono::milliseconds(1);
  world->tables["out"] = std::make_shared<MemoryTable>();
  std::sort(rows_.begin(), rows_.end());
}

ChangelogBatch CountingModel::MakeRows(int row_count, std::mt19937_64* random) {
  arrow::StringBuilder keys;
  arrow::Int64Builder values;
  for (int i = 0; i < row_count; ++i) {
    std::string key = "k" + std::to_string((*random)() % 25);
    auto value = static_cast<int64_t>((*random)() % 100);
    CHECK_OK(keys.Append(key));
    CHECK_OK(values.Append(value));
    auto& [count, sum] = totals_[key];
    ++count;
    sum += value;
    rows_.push_back(fmt::format("{}|{}", key, value));
  }
  auto schema =
      arrow::schema({arrow::field("k", arrow::utf8()), arrow::field("v", arrow::int64())});
  ChangelogBatch batch;
  batch.rows = arrow::RecordBatch::Make(schema, row_count,
                                        {keys.Finish().ValueOrDie(), values.Finish().ValueOrDie()});
  return batch;
}

std::vector<std::string> CountingModel::ExpectedTable() const {
  std::vector<std::string> expected;
  for (const auto& [key, total] : totals_) {
    expected.push_back(fmt::format("{}|{}|{}", key, total.first, total.second));
  }
  std::sort(expected.begin(), expected.end());
  return expected;
}

// Upserts: the last row of each key; else the folded changelog.
std::vector<std::string> CountingModel::TableOf(MemoryWorld* world, bool upsert) {
  MemoryTable& table = *world->tables["out"];
  if (!upsert) return table.Fold();
  std::map<std::string, std::string> last;
  for (const auto& row : table.rows) last[row.text.substr(0, row.text.find('|'))] = row.text;
  std::vector<std::string> rows;
  for (auto& [key, text] : last) rows.push_back(text);
  std::sort(rows.begin(), rows.end());
  return rows;
}

std::vector<std::string> CountingModel::ExpectedTopic() const { return rows_; }

}  // namespace mainstem::process::testing
