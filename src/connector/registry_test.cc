#include "connector/registry.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "connector/options.h"

namespace mainstem::connector {
namespace {

using namespace std::chrono_literals;

ConnectorRegistry MakeRegistry() {
  ConnectorRegistry registry;
  registry.Add({.name = "kafka",
                .documentation = "topics",
                .options = {{.name = "topic", .documentation = "the topic", .required = true},
                            {.name = "scan.startup.mode"},
                            {.name = "properties.*"}},
                .takes_format = true,
                .metadata_keys = {{"offset", "BIGINT"}, {"timestamp", "TIMESTAMP_LTZ(3)"}}});
  registry.Add({.name = "print", .documentation = "", .options = {{.name = "print-identifier"}}});
  return registry;
}

TableDescriptor MakeTable(std::map<std::string, std::string> options) {
  return {.name = "t",
          .schema = arrow::schema({arrow::field("a", arrow::int32())}),
          .options = std::move(options)};
}

TEST(RegistryTest, AcceptsKnownOptionsOfConnectorAndFormats) {
  ConnectorRegistry registry = MakeRegistry();
  Status status = registry.Check(MakeTable({{"connector", "kafka"},
                                            {"topic", "x"},
                                            {"properties.group.id", "g"},
                                            {"scan.watermark.idle-timeout", "1 s"},
                                            {"key.format", "raw"},
                                            {"value.format", "json"},
                                            {"key.raw.charset", "UTF-8"},
                                            {"value.json.ignore-parse-errors", "true"}}));
  EXPECT_TRUE(status.ok()) << status.ToString();
}

TEST(RegistryTest, SuggestsTheNearName) {
  ConnectorRegistry registry = MakeRegistry();
  auto hint = [&](std::map<std::string, std::string> options) {
    Status status = registry.Check(MakeTable(std::move(options)));
    return status.ok() ? "accepted" : TextOf(status).hint;
  };
  EXPECT_EQ(hint({{"connector", "kafak"}, {"topic", "x"}}), "did you mean 'kafka'?");
  EXPECT_EQ(hint({{"connector", "kafka"}, {"topic", "x"}, {"scan.startup.mod", "x"}}),
            "did you mean 'scan.startup.mode'?");
  EXPECT_EQ(hint({{"connector", "kafka"}, {"topic", "x"}, {"format", "jsn"}}),
            "did you mean 'json'?");
  EXPECT_EQ(hint({{"connector", "kafka"},
                  {"topic", "x"},
                  {"format", "json"},
                  {"json.ignore-parse-error", "true"}}),
            "did you mean 'json.ignore-parse-errors'?");
}

TEST(RegistryTest, NamesAMissingRequiredOptionAndAnUnknownMetadataKey) {
  ConnectorRegistry registry = MakeRegistry();
  EXPECT_EQ(TextOf(registry.Check(MakeTable({{"connector", "kafka"}}))).message,
            "table 't': connector 'kafka' needs the option 'topic'");
  EXPECT_EQ(TextOf(registry.Check(MakeTable({}))).message, "table 't' has no option 'connector'");
  TableDescriptor table = MakeTable({{"connector", "kafka"}, {"topic", "x"}});
  table.metadata_columns = {{.column = "a", .key = "offst"}};
  EXPECT_EQ(TextOf(registry.Check(table)).hint, "did you mean 'offset'?");
}

TEST(RegistryTest, SaysWhenAConnectorIsOnlyASource) {
  ConnectorRegistry registry = MakeRegistry();
  TableDescriptor table = MakeTable({{"connector", "print"}});
  EXPECT_TRUE(Is(registry.MakeSource(table, {}).status(), ErrorCode::kSemanticError));
  EXPECT_TRUE(Is(registry.MakeSink(table, {}).status(), ErrorCode::kSemanticError));
}

TEST(RegistryTest, JoinsTheHalvesOfAConnectorThatIsBothSourceAndSink) {
  ConnectorRegistry registry;
  registry.Add({.name = "filesystem", .documentation = "", .options = {{.name = "path"}}});
  registry.Add({.name = "filesystem",
                .documentation = "",
                .options = {{.name = "path"}, {.name = "sink.rolling-policy.file-size"}},
                .takes_format = true});
  EXPECT_EQ(registry.List().size(), 1u);
  EXPECT_EQ(registry.Find("filesystem")->options.size(), 2u);
  EXPECT_TRUE(registry.Find("filesystem")->takes_format);
}

TEST(TableOptionsTest, ReadsSizesDurationsAndLists) {
  TableDescriptor table = MakeTable({{"a", "10 s"},
                                     {"b", "1 min"},
                                     {"c", "128MB"},
                                     {"d", "x; y"},
                                     {"e", "5 parsecs"},
                                     {"f", "250"}});
  TableOptions options(table);
  EXPECT_EQ(options.Time("a", 0s), 10s);
  EXPECT_EQ(options.Time("b", 0s), 60s);
  EXPECT_EQ(options.Time("f", 0s), 250ms);
  EXPECT_EQ(options.Bytes("c", 0), 128 << 20);
  EXPECT_EQ(options.List("d"), (std::vector<std::string>{"x", "y"}));
  EXPECT_TRUE(options.status().ok());
  options.Time("e", 0s);
  EXPECT_EQ(TextOf(options.status()).message,
            "table 't': option 'e' = '5 parsecs' must be a duration such as '10 s', '5 min' or "
            "'500 ms'");
}

}  // namespace
}  // namespace mainstem::connector
