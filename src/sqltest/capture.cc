#include "sqltest/capture.h"

#include <arrow/api.h>

#include "process/expr/evaluator.h"
#include "process/types/arrow_mapping.h"

namespace mainstem::sqltest {
namespace {

class Writer final : public connector::DeliveryWriter {
 public:
  Writer(Captured* captured, std::string time_zone, std::string delivery_id, PartitionId partition)
      : captured_(captured),
        time_zone_(std::move(time_zone)),
        position_(&captured->positions[delivery_id]),
        partition_(partition.value()) {}

  Task<std::optional<Offset>> Open() override {
    CO_ASSIGN_OR_RETURN(eval_.time_zone, process::ParseTimeZone(time_zone_));
    std::optional<Offset> stored;
    auto it = position_->find(partition_);
    if (it != position_->end()) stored = Offset(it->second);
    co_return stored;
  }

  Task<> Deliver(ChangelogBatch batch, Offset end) override {
    CO_RETURN_IF_ERROR(Buffer(batch));
    end_ = end;
    co_return Status::OK();
  }

  Task<Offset> Flush(FlushOptions) override {
    if (end_) {
      for (TextRow& row : buffered_) captured_->rows.push_back(std::move(row));
      buffered_.clear();
      (*position_)[partition_] = end_->value();
    }
    auto it = position_->find(partition_);
    co_return Offset(it == position_->end() ? 0 : it->second);
  }

 private:
  Status Buffer(const ChangelogBatch& batch) {
    size_t begin = buffered_.size();
    auto row_count = static_cast<size_t>(batch.rows->num_rows());
    for (size_t row = 0; row < row_count; ++row) {
      RowKind kind = batch.kinds.empty() ? RowKind::kInsert : batch.kinds[row];
      buffered_.push_back({std::string(ToString(kind)), {}});
    }
    for (int i = 0; i < batch.rows->num_columns(); ++i) {
      ASSIGN_OR_RETURN(process::LogicalType type, TypeOf(*batch.rows, i));
      ASSIGN_OR_RETURN(auto text, process::ToText(batch.rows->column(i), type, eval_));
      const auto& values = static_cast<const arrow::StringArray&>(*text);
      for (size_t row = 0; row < row_count; ++row) {
        auto index = static_cast<int64_t>(row);
        std::optional<std::string> field;
        if (!values.IsNull(index)) field = values.GetString(index);
        buffered_[begin + row].fields.push_back(std::move(field));
      }
    }
    return Status::OK();
  }

  Result<process::LogicalType> TypeOf(const arrow::RecordBatch& rows, int column) const {
    if (captured_->types.size() == static_cast<size_t>(rows.num_columns())) {
      return captured_->types[static_cast<size_t>(column)];
    }
    return process::FromArrowType(*rows.column(column)->type());
  }

  Captured* captured_;
  std::string time_zone_;
  process::EvalContext eval_;
  std::map<int32_t, int64_t>* position_;
  int32_t partition_;
  std::vector<TextRow> buffered_;
  std::optional<Offset> end_;
};

class Sink final : public connector::TableSink {
 public:
  Sink(Captured* captured, connector::SinkMode mode, std::string time_zone)
      : captured_(captured), mode_(mode), time_zone_(std::move(time_zone)) {}
  connector::SinkKind kind() const override { return connector::SinkKind::kDelivery; }
  connector::SinkMode mode() const override { return mode_; }
  std::string guarantee() const override { return "exactly once"; }
  Result<std::unique_ptr<connector::DeliveryWriter>> MakeDeliveryWriter(
      std::string delivery_id, PartitionId partition) override {
    return std::make_unique<Writer>(captured_, time_zone_, std::move(delivery_id), partition);
  }

 private:
  Captured* captured_;
  connector::SinkMode mode_;
  std::string time_zone_;
};

}  // namespace

std::unique_ptr<connector::TableSink> MakeCaptureSink(Captured* captured, connector::SinkMode mode,
                                                      const connector::ConnectorContext& context) {
  return std::make_unique<Sink>(captured, mode, context.time_zone);
}

}  // namespace mainstem::sqltest
