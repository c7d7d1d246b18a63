#include "sqltest/stand_ins.h"

#include <arrow/api.h>

#include "connector/options.h"
#include "format/format.h"
#include "sqltest/fixture_source.h"

namespace mainstem::sqltest {
namespace {

using connector::ConnectorContext;
using connector::ConnectorSpec;
using connector::SinkMode;
using connector::TableDescriptor;
using connector::TableSink;
using connector::TableSource;
using SourceResult = Result<std::unique_ptr<TableSource>>;
using SinkResult = Result<std::unique_ptr<TableSink>>;

constexpr char kBootstrap[] = "properties.bootstrap.servers";

// What makes its rows itself needs no fixture.
bool MakesItsRows(const std::string& connector) {
  return connector == "datagen" || connector == "nexmark";
}

bool IsInsertOnly(const TableDescriptor& table) {
  const format::FormatInfo* info = format::FindFormat(connector::ValueFormatOf(table).format);
  return info == nullptr || !info->is_changelog;
}

// The files at or below `path`, one partition each, in messages of the table's format.
Result<std::shared_ptr<const Fixture>> FixtureOfFiles(const TextFiles& files,
                                                      const std::string& path) {
  auto fixture = std::make_shared<Fixture>();
  fixture->path = path;
  fixture->partition_count = 0;
  for (const auto& [name, text] : files) {
    if (name != path && !name.starts_with(path + "/")) continue;
    int number = 0;
    std::string_view rest = text;
    while (!rest.empty()) {
      size_t end = std::min(rest.find('\n'), rest.size());
      FixtureLine& line = fixture->lines.emplace_back();
      line.text = rest.substr(0, end);
      line.partition = fixture->partition_count;
      line.number = ++number;
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    ++fixture->partition_count;
  }
  if (fixture->partition_count == 0) return MakeError(ErrorCode::kNotFound, "no file " + path);
  return std::shared_ptr<const Fixture>(std::move(fixture));
}

Status NoInput(const TableDescriptor& table) {
  std::string name = ShortName(table.name);
  return MakeError(
      ErrorCode::kNotFound,
      {.message = fmt::format("table '{}' has no input in this test", name),
       .hint = fmt::format("add input/{}.jsonl (or .csv, .topic.jsonl ..) with its rows; "
                           "an empty file is a table without rows",
                           name)});
}

bool IsHandedOn(const Inputs& inputs, const TableDescriptor& table) {
  return table.options.contains(kBootstrap) && inputs.handed_on.contains(ShortName(table.name));
}

Status NeedsOpen(const TableDescriptor& table) {
  std::string name = ShortName(table.name);
  return MakeError(
      ErrorCode::kInvalidArgument,
      {.message = fmt::format("the script fills table '{}' too, and this test's inputs end", name),
       .hint = fmt::format("say `open: 1 min` in test.yaml, and its rows are handed on; or give it "
                           "rows of its own: input/{}.jsonl",
                           name)});
}

SourceResult MakeSource(const Inputs* inputs, const ConnectorSpec& real, TableDescriptor table,
                        ConnectorContext context) {
  auto found = inputs->fixtures.find(ShortName(table.name));
  FixtureSourceOptions options{.env = context.env,
                               .table = table,
                               .fixture = nullptr,
                               .lines_per_read = inputs->lines_per_read,
                               .unsteady = inputs->unsteady,
                               .open = inputs->open};
  if (found == inputs->fixtures.end()) {
    if (MakesItsRows(real.name)) return real.make_source(std::move(table), std::move(context));
    if (IsHandedOn(*inputs, table)) {
      if (!inputs->open) return NeedsOpen(table);
      return real.make_source(AtHome(std::move(table), {.open = true}), std::move(context));
    }
    auto path = table.options.find("path");
    if (real.name != "filesystem" || path == table.options.end() || inputs->files.empty()) {
      return NoInput(table);
    }
    ASSIGN_OR_RETURN(options.fixture, FixtureOfFiles(inputs->files, path->second));
    options.insert_only = IsInsertOnly(table);
    return MakeFixtureSource(std::move(options));
  }
  ASSIGN_OR_RETURN(auto source,
                   real.make_source(AtHome(table, {.open = inputs->open}), std::move(context)));
  options.fixture = found->second;
  if (options.fixture->kind == FixtureKind::kTopic) {
    if (table.options.contains(kBootstrap)) return source;
    return MakeError(ErrorCode::kInvalidArgument,
                     {.message = fmt::format("{}: connector '{}' does not read topics",
                                             options.fixture->path, real.name),
                      .hint = "give rows (.jsonl, .csv)"});
  }
  options.insert_only = source->insert_only();
  options.upserts = source->upserts();
  options.can_look_up = source->can_look_up();
  return MakeFixtureSource(std::move(options));
}

ConnectorSpec StandInFor(const ConnectorSpec& real, const Inputs* inputs, Captures* captures) {
  ConnectorSpec spec = real;
  if (real.make_source) {
    spec.make_source = [real, inputs](TableDescriptor table, ConnectorContext context) {
      return MakeSource(inputs, real, std::move(table), std::move(context));
    };
  }
  if (real.make_sink) {
    spec.make_sink = [real, inputs, captures](TableDescriptor table,
                                              ConnectorContext context) -> SinkResult {
      Captured* captured = &(*captures)[table.name];
      bool handed_on = inputs->open && IsHandedOn(*inputs, table);
      ASSIGN_OR_RETURN(auto sink, real.make_sink(AtHome(std::move(table), {}), context));
      if (handed_on) return sink;
      return MakeCaptureSink(captured, sink->mode(), context);
    };
  }
  return spec;
}

// For tests without real connectors.
ConnectorSpec Files(const Inputs* inputs) {
  ConnectorSpec spec;
  spec.name = "filesystem";
  spec.takes_format = true;
  spec.options.push_back({.name = "path", .required = true});
  spec.make_source = [inputs, real = spec](TableDescriptor table, ConnectorContext context) {
    return MakeSource(inputs, real, std::move(table), std::move(context));
  };
  return spec;
}

ConnectorSpec Results(Captures* captures) {
  ConnectorSpec spec;
  spec.name = kResultConnector;
  spec.make_sink = [captures](TableDescriptor table, ConnectorContext context) -> SinkResult {
    return MakeCaptureSink(&(*captures)[table.name], SinkMode::kRetract, context);
  };
  return spec;
}

}  // namespace

TableDescriptor AtHome(TableDescriptor table, AtHomeOptions options) {
  auto address = table.options.find(kBootstrap);
  if (address == table.options.end()) return table;
  address->second = kSimulatedAddress;
  for (auto it = table.options.begin(); it != table.options.end();) {
    bool bounds = it->first.starts_with("scan.startup.") || it->first.starts_with("scan.bounded.");
    it = bounds ? table.options.erase(it) : std::next(it);
  }
  table.options["scan.startup.mode"] = "earliest-offset";
  if (!options.open) table.options["scan.bounded.mode"] = "latest-offset";
  return table;
}

connector::ConnectorRegistry MakeStandIns(const Inputs* inputs, Captures* captures) {
  connector::ConnectorRegistry registry;
  if (inputs->connectors == nullptr) {
    registry.Add(Files(inputs));
  } else {
    for (const ConnectorSpec* real : inputs->connectors->List()) {
      registry.Add(StandInFor(*real, inputs, captures));
    }
  }
  registry.Add(Results(captures));
  return registry;
}

}  // namespace mainstem::sqltest
