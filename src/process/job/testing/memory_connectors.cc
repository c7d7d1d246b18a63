#include "process/job/testing/memory_connectors.h"

#include <algorithm>

#include <arrow/api.h>

#include "connector/position_keeper.h"
#include "connector/restored_source.h"
#include "core/sync.h"

namespace mainstem::process::testing {
namespace {

using connector::ConnectorContext;
using connector::TableDescriptor;

class MemoryReader final : public connector::SplitReader {
 public:
  MemoryReader(const MemoryRows* rows, size_t split, size_t next, std::vector<int> projection)
      : rows_(rows), split_(split), next_(next), projection_(std::move(projection)) {}

  Task<connector::SourceBatch> Read(size_t max_rows, TimePoint deadline) override {
    const auto& batches = rows_->splits[split_];
    connector::SourceBatch out;
    if (rows_->read_delay > Duration::zero()) CO_RETURN_IF_ERROR(co_await Sleep(rows_->read_delay));
    if (next_ == 0) out.rejected = rows_->rejected;
    if (next_ < batches.size()) {
      const ChangelogBatch& batch = batches[next_++];
      CO_ASSIGN_OR_RETURN(out.batch.rows, batch.rows->SelectColumns(projection_));
      out.batch.kinds = batch.kinds;
      out.bytes_read = 1;
    } else if (rows_->unbounded) {
      CO_RETURN_IF_ERROR(co_await SleepUntil(deadline));
    }
    out.position = std::to_string(next_);
    out.end_of_split = next_ == batches.size() && !rows_->unbounded;
    out.caught_up = next_ == batches.size();
    out.lag_records = static_cast<int64_t>(batches.size() - next_);
    co_return out;
  }

 private:
  const MemoryRows* rows_;
  size_t split_;
  size_t next_;
  std::vector<int> projection_;
};

class MemorySource final : public connector::TableSource, public connector::RestoredSource {
 public:
  explicit MemorySource(const MemoryRows* rows) : rows_(rows) {}
  bool bounded() const override { return !rows_->unbounded; }
  bool insert_only() const override { return rows_->insert_only; }
  Status SetRestored(std::vector<connector::RestoredSplit> splits) override {
    restored_.clear();
    for (const connector::RestoredSplit& restored : splits) restored_.insert(restored.split.id);
    return Status::OK();
  }
  Task<std::vector<connector::SourceSplit>> DiscoverSplits() override {
    std::vector<connector::SourceSplit> splits;
    for (size_t i = 0; i < rows_->splits.size(); ++i) {
      std::string id = std::to_string(i);
      if (restored_.contains(id)) continue;
      const bool at_end = rows_->starts_at_end && restored_.empty();
      splits.push_back({std::move(id), std::to_string(at_end ? rows_->splits[i].size() : 0)});
    }
    co_return splits;
  }
  Task<std::unique_ptr<connector::SplitReader>> OpenSplit(connector::SourceSplit split,
                                                          std::vector<int> projection) override {
    std::unique_ptr<connector::SplitReader> reader = std::make_unique<MemoryReader>(
        rows_, std::stoul(split.id), std::stoul(split.position), std::move(projection));
    co_return reader;
  }

 private:
  const MemoryRows* rows_;
  std::set<std::string> restored_;
};

class MemoryTableWriter final : public connector::DeliveryWriter {
 public:
  MemoryTableWriter(std::shared_ptr<MemoryTable> table, std::string delivery_id,
                    PartitionId partition)
      : table_(std::move(table)), delivery_id_(std::move(delivery_id)), partition_(partition) {}

  Task<std::optional<Offset>> Open() override {
    while (table_->hangs) CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::milliseconds(1)));
    std::lock_guard lock(table_->mutex);
    CO_RETURN_IF_ERROR(connector::DriftError("the table does not fit: ", table_->differences));
    auto& positions = table_->positions[delivery_id_];
    auto it = positions.find(partition_.value());
    std::optional<Offset> stored;
    if (it != positions.end()) stored = Offset(it->second);
    co_return stored;
  }
  Task<> Deliver(ChangelogBatch batch, Offset end) override {
    std::vector<std::string> texts = RowTexts(*batch.rows);
    std::vector<connector::RejectedRecord> refused;
    for (size_t i = 0; i < texts.size(); ++i) {
      if (!table_->refused_text.empty() &&
          texts[i].find(table_->refused_text) != std::string::npos) {
        Status cause = MakeError(ErrorCode::kInvalidRecord, "the table does not take this row");
        refused.push_back({.origin = fmt::format("{}@<{}", delivery_id_, end.value()),
                           .raw_bytes = texts[i],
                           .cause = std::move(cause)});
        continue;
      }
      RowKind kind = batch.kinds.empty() ? RowKind::kInsert : batch.kinds[i];
      buffered_.push_back({kind, std::move(texts[i])});
    }
    end_ = end;
    co_return co_await KeepRefused(std::move(refused));
  }
  Task<Offset> Flush(FlushOptions options) override {
    std::lock_guard lock(table_->mutex);
    int fault = table_->fail_flushes > 0 ? table_->fail_flushes-- : 0;
    if (fault % 2 == 1) co_return MakeError(ErrorCode::kUnavailable, "down, before the commit");
    if (end_) {
      for (auto& row : buffered_) table_->rows.push_back(std::move(row));
      buffered_.clear();
      table_->positions[delivery_id_][partition_.value()] = end_->value();
      ++table_->flush_count;
    }
    if (fault > 0) co_return MakeError(ErrorCode::kUnavailable, "down, after the commit");
    co_return end_.value_or(Offset(table_->positions[delivery_id_][partition_.value()]));
  }

 private:
  std::shared_ptr<MemoryTable> table_;
  std::string delivery_id_;
  PartitionId partition_;
  std::vector<MemoryTable::Row> buffered_;
  std::optional<Offset> end_;
};

class MemoryTableSink final : public connector::TableSink,
                              public connector::DriftingSink,
                              public connector::PositionKeeper {
 public:
  MemoryTableSink(std::shared_ptr<MemoryTable> table, connector::SinkMode mode,
                  connector::DriftPolicy drift)
      : table_(std::move(table)), mode_(mode), drift_(drift) {}
  connector::SinkKind kind() const override { return connector::SinkKind::kDelivery; }
  connector::SinkMode mode() const override { return mode_; }
  std::string guarantee() const override { return "exactly once"; }
  Result<std::unique_ptr<connector::DeliveryWriter>> MakeDeliveryWriter(
      std::string delivery_id, PartitionId partition) override {
    return std::make_unique<MemoryTableWriter>(table_, std::move(delivery_id), partition);
  }

  connector::DriftPolicy drift_policy() const override { return drift_; }
  Task<connector::Differences> FindDifferences() override {
    std::lock_guard lock(table_->mutex);
    if (table_->looks_left-- == 0) table_->differences.clear();
    co_return table_->differences;
  }
  Task<> Evolve() override {
    std::lock_guard lock(table_->mutex);
    std::erase_if(table_->differences, [](const auto& one) { return !one.statement.empty(); });
    co_return Status::OK();
  }

 private:
  std::shared_ptr<MemoryTable> table_;
  connector::SinkMode mode_;
  connector::DriftPolicy drift_;
};

class TextLogWriter final : public connector::LogWriter {
 public:
  explicit TextLogWriter(storage::TopicPartition where) : where_(where) {}
  Result<std::vector<connector::LogRecord>> Encode(
      const ChangelogBatch& batch, std::vector<connector::RejectedRecord>* refused) override {
    std::vector<connector::LogRecord> records;
    for (std::string& text : RowTexts(*batch.rows)) {
      auto& record = records.emplace_back();
      record.partition = where_;
      record.value = std::move(text);
    }
    return records;
  }

 private:
  storage::TopicPartition where_;
};

class MemoryTopicSink final : public connector::TableSink {
 public:
  MemoryTopicSink(storage::Log* log, std::string topic) : log_(log), topic_(std::move(topic)) {}
  connector::SinkKind kind() const override { return connector::SinkKind::kLog; }
  connector::SinkMode mode() const override { return connector::SinkMode::kAppendOnly; }
  std::string guarantee() const override { return "exactly once"; }
  Task<std::unique_ptr<connector::LogWriter>> MakeLogWriter() override {
    std::optional<storage::TopicInfo> topic = log_->FindTopic(topic_);
    if (!topic) co_return MakeError(ErrorCode::kUnknownTopic, "no topic " + topic_);
    storage::TopicPartition where{topic->id, PartitionId(0)};
    std::unique_ptr<connector::LogWriter> writer = std::make_unique<TextLogWriter>(where);
    co_return writer;
  }

 private:
  storage::Log* log_;
  std::string topic_;
};

}  // namespace

std::vector<std::string> RowTexts(const arrow::RecordBatch& rows) {
  std::vector<std::string> texts(static_cast<size_t>(rows.num_rows()));
  for (int i = 0; i < rows.num_columns(); ++i) {
    for (int64_t row = 0; row < rows.num_rows(); ++row) {
      auto scalar = rows.column(i)->GetScalar(row).ValueOrDie();
      std::string& text = texts[static_cast<size_t>(row)];
      if (i > 0) text += "|";
      text += scalar->is_valid ? scalar->ToString() : "<NULL>";
    }
  }
  return texts;
}

std::vector<std::string> MemoryTable::Fold() {
  std::lock_guard lock(mutex);
  std::map<std::string, int64_t> counts;
  for (const Row& row : rows) {
    bool adds = row.kind == RowKind::kInsert || row.kind == RowKind::kUpdateAfter;
    counts[row.text] += adds ? 1 : -1;
  }
  std::vector<std::string> left;
  for (const auto& [text, count] : counts) {
    for (int64_t i = 0; i < count; ++i) left.push_back(text);
    if (count < 0) left.push_back("negative: " + text);
  }
  return left;
}

void AddMemoryConnectors(MemoryWorld* world, connector::ConnectorRegistry* registry) {
  connector::ConnectorSpec source;
  source.name = "memory";
  source.options.push_back({.name = "name", .default_value = "", .documentation = ""});
  source.make_source = [world](
                           TableDescriptor table,
                           ConnectorContext) -> Result<std::unique_ptr<connector::TableSource>> {
    return std::make_unique<MemorySource>(&world->sources.at(table.options.at("name")));
  };
  registry->Add(std::move(source));

  connector::ConnectorSpec table_sink;
  table_sink.name = "memory-table";
  table_sink.options.push_back({.name = "name", .default_value = "", .documentation = ""});
  table_sink.options.push_back(connector::DriftOptionSpec());
  table_sink.make_sink = [world](
                             TableDescriptor table,
                             ConnectorContext) -> Result<std::unique_ptr<connector::TableSink>> {
    auto mode =
        table.primary_key.empty() ? connector::SinkMode::kRetract : connector::SinkMode::kUpsert;
    connector::TableOptions options(table);
    connector::DriftPolicy drift = connector::DriftPolicyOf(&options);
    RETURN_IF_ERROR(options.status());
    return std::make_unique<MemoryTableSink>(world->tables.at(table.options.at("name")), mode,
                                             drift);
  };
  registry->Add(std::move(table_sink));

  connector::ConnectorSpec topic_sink;
  topic_sink.name = "memory-topic";
  topic_sink.options.push_back({.name = "topic", .default_value = "", .documentation = ""});
  topic_sink.make_sink =
      [](TableDescriptor table,
         ConnectorContext context) -> Result<std::unique_ptr<connector::TableSink>> {
    return std::make_unique<MemoryTopicSink>(context.log, table.options.at("topic"));
  };
  registry->Add(std::move(topic_sink));
}

}  // namespace mainstem::process::testing
