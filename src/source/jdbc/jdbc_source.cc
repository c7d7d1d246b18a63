#include "source/jdbc/jdbc_source.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>
#include <arrow/api.h>
#include <fmt/format.h>

#include "connector/jdbc/jdbc_options.h"
#include "connector/options.h"
#include "source/jdbc/jdbc_lookup.h"
#include "source/jdbc/jdbc_reader.h"
#include "source/jdbc/statement_lookup.h"

namespace mainstem::source {
namespace {

using connector::SourceSplit;

struct JdbcPlan {
  Env* env = nullptr;
  JdbcTarget target;
  std::string partition_column;  // empty: one split
  int64_t split_count = 1;
  int64_t lower = 0;  // inclusive, both
  int64_t upper = 0;
  int64_t fetch_size = 0;
  connector::LookupOptions lookup;
};

class JdbcSource final : public connector::TableSource {
 public:
  explicit JdbcSource(JdbcPlan plan) : plan_(std::move(plan)) {}
  bool bounded() const override { return true; }

  Task<std::vector<SourceSplit>> DiscoverSplits() override {
    std::vector<SourceSplit> splits;
    for (int64_t i = 0; i < plan_.split_count; ++i) {
      splits.push_back({.id = fmt::format("jdbc/{}-of-{}", i, plan_.split_count), .position = ""});
    }
    co_return splits;
  }

  Task<std::unique_ptr<connector::SplitReader>> OpenSplit(SourceSplit split,
                                                          std::vector<int> projection) override {
    int64_t share = -1;
    int64_t count = 0;
    const std::vector<std::string> id = absl::StrSplit(split.id, absl::ByAnyChar("/-"));
    if (id.size() != 4 || !absl::SimpleAtoi(id[1], &share) || !absl::SimpleAtoi(id[3], &count) ||
        count != plan_.split_count || share < 0 || share >= count) {
      co_return MakeError(ErrorCode::kInvalidArgument,
                          {.message = "jdbc cannot go on with split '" + split.id + "'",
                           .hint = "'scan.partition.num' may not change under a job"});
    }
    JdbcReader::Options options;
    options.target = plan_.target;
    options.projection = std::move(projection);
    options.position = split.position;
    options.fetch_size = plan_.fetch_size;
    if (!plan_.partition_column.empty()) {
      // Widths differ by one at most.
      const auto width = static_cast<__int128>(plan_.upper) - plan_.lower + 1;
      const auto bound = [&](int64_t i) {
        return static_cast<int64_t>(plan_.lower + width * i / count);
      };
      options.filter_column = plan_.partition_column;
      options.filter_from = bound(share);
      options.filter_to = bound(share + 1) - 1;
    }
    co_return std::make_unique<JdbcReader>(plan_.env, std::move(options));
  }

  bool can_look_up() const override { return true; }
  Result<std::unique_ptr<connector::TableLookup>> MakeLookup(std::vector<int> key_columns,
                                                             std::vector<int> projection) override {
    return std::make_unique<JdbcLookup>(plan_.env, plan_.target, std::move(key_columns),
                                        std::move(projection), plan_.lookup);
  }

 private:
  JdbcPlan plan_;
};

// A table of another database than PostgreSQL: only looked up, not read as a whole.
class LookupOnlySource final : public connector::TableSource {
 public:
  LookupOnlySource(Env* env, std::string name, StatementLookup::Options options)
      : env_(env), name_(std::move(name)), options_(std::move(options)) {}
  bool bounded() const override { return true; }
  Task<std::vector<SourceSplit>> DiscoverSplits() override { co_return NotRead(); }
  Task<std::unique_ptr<connector::SplitReader>> OpenSplit(SourceSplit, std::vector<int>) override {
    co_return NotRead();
  }
  bool can_look_up() const override { return true; }
  Result<std::unique_ptr<connector::TableLookup>> MakeLookup(std::vector<int> key_columns,
                                                             std::vector<int> projection) override {
    StatementLookup::Options options = options_;
    options.key_columns = std::move(key_columns);
    options.projection = std::move(projection);
    return std::make_unique<StatementLookup>(env_, std::move(options));
  }

 private:
  Status NotRead() const {
    return MakeError(ErrorCode::kUnsupported,
                     {.message = "table '" + name_ +
                                 "': connector 'jdbc' reads whole tables of "
                                 "PostgreSQL only",
                      .hint = "join it by FOR SYSTEM_TIME AS OF, which looks rows up by key"});
  }

  Env* env_;
  std::string name_;
  StatementLookup::Options options_;
};

void TakePartitions(connector::TableOptions* options, JdbcPlan* plan) {
  plan->partition_column = options->Text("scan.partition.column", "");
  const std::vector<std::string> others = {"scan.partition.num", "scan.partition.lower-bound",
                                           "scan.partition.upper-bound"};
  for (const std::string& name : others) {
    if (options->Has(name) != options->Has("scan.partition.column")) {
      return options->Fail(name, "goes together with 'scan.partition.column'",
                           "give all four options 'scan.partition.*', or none");
    }
  }
  if (plan->partition_column.empty()) return;
  plan->split_count = options->Integer(others[0], 1);
  plan->lower = options->Integer(others[1], 0);
  plan->upper = options->Integer(others[2], 0);
  if (plan->split_count < 1 || plan->split_count > 1024) {
    options->Fail(others[0], "must be from 1 to 1024");
  }
  if (plan->upper < plan->lower) options->Fail(others[2], "is below 'scan.partition.lower-bound'");
  const auto field = plan->target.schema->GetFieldByName(plan->partition_column);
  if (field == nullptr || !arrow::is_integer(field->type()->id())) {
    options->Fail("scan.partition.column", "names no column of an integer type");
  }
}

Result<std::unique_ptr<connector::TableSource>> MakeJdbcSource(
    connector::TableDescriptor table, connector::ConnectorContext context) {
  connector::TableOptions options(table);
  JdbcPlan plan;
  plan.env = context.env;
  ASSIGN_OR_RETURN(connector::JdbcServer server,
                   connector::JdbcServerOf(table, context.base_directory));
  if (!std::holds_alternative<connector::PostgresTarget>(server)) {
    StatementLookup::Options lookup{.server = std::move(server),
                                    .table_name = options.Text("table-name", ""),
                                    .schema = table.schema,
                                    .key_columns = {},
                                    .projection = {},
                                    .lookup = connector::LookupOptionsOf(&options)};
    RETURN_IF_ERROR(options.status());
    RETURN_IF_ERROR(JdbcTable::CheckTypes(table.name, *table.schema));
    return std::make_unique<LookupOnlySource>(context.env, table.name, std::move(lookup));
  }
  plan.target.server = std::get<connector::PostgresTarget>(std::move(server));
  plan.target.table_name = options.Text("table-name", "");
  plan.target.schema = table.schema;
  plan.fetch_size = options.Integer("scan.fetch-size", 0);
  if (plan.fetch_size < 0) options.Fail("scan.fetch-size", "must not be negative");
  TakePartitions(&options, &plan);
  plan.lookup = connector::LookupOptionsOf(&options);
  RETURN_IF_ERROR(options.status());
  RETURN_IF_ERROR(JdbcTable::CheckTypes(table.name, *table.schema));
  return std::make_unique<JdbcSource>(std::move(plan));
}

}  // namespace

connector::ConnectorSpec JdbcSourceConnector() {
  connector::ConnectorSpec spec;
  spec.name = "jdbc";
  spec.documentation =
      "reads a table of PostgreSQL once, or looks rows up by key, also of MySQL, MariaDB, SQLite";
  spec.options = connector::JdbcServerOptions();
  const std::vector<connector::OptionSpec> own = {
      {.name = "scan.partition.column",
       .documentation = "An integer column by whose ranges the table is read in parts."},
      {.name = "scan.partition.num", .documentation = "The number of parts."},
      {.name = "scan.partition.lower-bound", .documentation = "The least value that is read."},
      {.name = "scan.partition.upper-bound", .documentation = "The greatest value that is read."},
      {.name = "scan.fetch-size", .documentation = "Rows of one trip to the server at most."},
      {.name = "scan.auto-commit", .documentation = "Accepted, without effect."},
  };
  spec.options.insert(spec.options.end(), own.begin(), own.end());
  for (connector::OptionSpec& option : connector::LookupOptionSpecs()) {
    spec.options.push_back(std::move(option));
  }
  spec.make_source = MakeJdbcSource;
  return spec;
}

}  // namespace mainstem::source
