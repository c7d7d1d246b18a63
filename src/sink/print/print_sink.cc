#include "sink/print/print_sink.h"

#include <unistd.h>

#include <cerrno>
#include <system_error>

#include <arrow/api.h>

#include "connector/options.h"
#include "format/value_text.h"

namespace mainstem::sink {
namespace {

Status WriteAll(int descriptor, std::string_view text) {
  while (!text.empty()) {
    ssize_t count = ::write(descriptor, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      return MakeError(ErrorCode::kInternal,
                       "cannot print: " + std::generic_category().message(errno));
    }
    text.remove_prefix(static_cast<size_t>(count));
  }
  return Status::OK();
}

struct PrintTarget {
  std::string identifier;
  int descriptor = STDOUT_FILENO;
};

class PrintWriter final : public connector::InlineWriter {
 public:
  PrintWriter(Env* env, PrintTarget target) : env_(env), target_(std::move(target)) {}
  // On the pool: a full pipe or a stopped terminal must not hold a shard.
  Task<> Write(ChangelogBatch batch) override {
    co_return co_await env_->blocking_pool().Run([this, &batch] {
      return WriteAll(target_.descriptor, PrintedRows(batch, target_.identifier));
    });
  }

 private:
  Env* env_;
  PrintTarget target_;
};

class PrintSink final : public connector::TableSink {
 public:
  PrintSink(Env* env, PrintTarget target) : env_(env), target_(std::move(target)) {}
  connector::SinkKind kind() const override { return connector::SinkKind::kInline; }
  connector::SinkMode mode() const override { return connector::SinkMode::kRetract; }
  std::string guarantee() const override { return "at least once"; }
  Result<std::unique_ptr<connector::InlineWriter>> MakeInlineWriter(int subtask) override {
    return std::make_unique<PrintWriter>(env_, target_);
  }

 private:
  Env* env_;
  PrintTarget target_;
};

Result<std::unique_ptr<connector::TableSink>> MakePrintSink(connector::TableDescriptor table,
                                                            connector::ConnectorContext context) {
  connector::TableOptions options(table);
  PrintTarget target;
  target.identifier = options.Text("print-identifier", "");
  if (options.Bool("standard-error", false)) target.descriptor = STDERR_FILENO;
  RETURN_IF_ERROR(options.status());
  return std::make_unique<PrintSink>(context.env, std::move(target));
}

}  // namespace

std::string PrintedRows(const ChangelogBatch& batch, const std::string& identifier) {
  std::string text;
  for (int64_t row = 0; row < batch.rows->num_rows(); ++row) {
    if (!identifier.empty()) text += identifier + "> ";
    RowKind kind = batch.kinds.empty() ? RowKind::kInsert : batch.kinds[static_cast<size_t>(row)];
    text += ToString(kind);
    text += '[';
    for (int i = 0; i < batch.rows->num_columns(); ++i) {
      const arrow::Array& column = *batch.rows->column(i);
      if (i > 0) text += ", ";
      if (column.IsNull(row)) {
        text += "null";
      } else {
        format::AppendValueText(column, row, &text);
      }
    }
    text += "]\n";
  }
  return text;
}

connector::ConnectorSpec PrintConnector() {
  connector::ConnectorSpec spec;
  spec.name = "print";
  spec.documentation = "prints rows as +I[a, b], for looking at results";
  spec.options = {
      {.name = "print-identifier", .documentation = "Text put before each row, as 'text> '."},
      {.name = "standard-error",
       .default_value = "false",
       .documentation = "Print to standard error instead of standard output."}};
  spec.make_sink = MakePrintSink;
  return spec;
}

}  // namespace mainstem::sink
