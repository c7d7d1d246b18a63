#include "sink/blackhole/blackhole_sink.h"

namespace mainstem::sink {
namespace {

class BlackholeWriter final : public connector::InlineWriter {
 public:
  Task<> Write(ChangelogBatch batch) override { co_return Status::OK(); }
};

class BlackholeSink final : public connector::TableSink {
 public:
  connector::SinkKind kind() const override { return connector::SinkKind::kInline; }
  connector::SinkMode mode() const override { return connector::SinkMode::kRetract; }
  std::string guarantee() const override { return "none: rows are dropped"; }
  Result<std::unique_ptr<connector::InlineWriter>> MakeInlineWriter(int subtask) override {
    return std::make_unique<BlackholeWriter>();
  }
};

}  // namespace

connector::ConnectorSpec BlackholeConnector() {
  connector::ConnectorSpec spec;
  spec.name = "blackhole";
  spec.documentation = "swallows every row";
  spec.make_sink =
      [](connector::TableDescriptor table,
         connector::ConnectorContext context) -> Result<std::unique_ptr<connector::TableSink>> {
    return std::make_unique<BlackholeSink>();
  };
  return spec;
}

}  // namespace mainstem::sink
