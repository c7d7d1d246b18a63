#include "server/settings.h"

#include <gtest/gtest.h>

namespace mainstem::server {
namespace {

Result<Settings> Load(Config::Values values) {
  Config::Sources sources;
  sources.command_line = std::move(values);
  ASSIGN_OR_RETURN(Config config, Config::Load(SettingTable(), sources));
  return MakeSettings(config);
}

TEST(SettingsTest, DefaultsListenOnLoopback) {
  Settings settings = *Load({});
  EXPECT_EQ(settings.kafka_listen.host, "127.0.0.1");
  EXPECT_EQ(settings.kafka_listen.port, 9092);
  EXPECT_EQ(settings.http_listen.host, "127.0.0.1");
  EXPECT_FALSE(settings.allow_remote_admin);
}

TEST(SettingsTest, TransactionsMayLastAsLongAsInKafkaUnlessToldOtherwise) {
  EXPECT_EQ(Load({})->transaction_timeout_max_ms, 900'000);
  EXPECT_EQ(Load({{"transactions.max-timeout", "2h"}})->transaction_timeout_max_ms, 7'200'000);
  EXPECT_FALSE(Load({{"transactions.max-timeout", "0ms"}}).ok());
  EXPECT_FALSE(Load({{"transactions.max-timeout", "30d"}}).ok());
}

TEST(SettingsTest, RefusesWhatCannotWork) {
  EXPECT_FALSE(Load({{"memory", "10MB"}}).ok());
  EXPECT_FALSE(Load({{"kafka.listen", "localhost"}}).ok());
  EXPECT_FALSE(Load({{"kafka.listen", "localhost:99999"}}).ok());
  EXPECT_FALSE(Load({{"topics.default-partitions", "0"}}).ok());
  EXPECT_FALSE(Load({{"log.level", "loud"}}).ok());
  EXPECT_FALSE(Load({{"data", ""}}).ok());
  // A loop without a pause.
  EXPECT_FALSE(Load({{"journal.checkpoint-interval", "0"}}).ok());
  EXPECT_FALSE(Load({{"sql.checkpoint-interval", "1ms"}}).ok());
  EXPECT_FALSE(Load({{"journal.limit", "0"}}).ok());
}

TEST(SettingsTest, TheAwsDoorIsOpenOnLoopbackOnlyUnlessItChecksKeys) {
  EXPECT_EQ(Load({})->aws_listen->port, 4567);
  EXPECT_FALSE(Load({{"aws.listen", "none"}})->aws_listen);
  EXPECT_TRUE(Load({{"aws.listen", "[::1]:0"}}).ok());
  EXPECT_FALSE(Load({{"aws.listen", "0.0.0.0:4567"}}).ok());
  EXPECT_TRUE(Load({{"aws.listen", "0.0.0.0:4567"}, {"aws.credentials", "keys"}}).ok());
}

TEST(SettingsTest, ReadsIpv6Addresses) {
  HostPort address = *ParseHostPort("[::1]:9092");
  EXPECT_EQ(address.host, "::1");
  EXPECT_EQ(address.port, 9092);
}

TEST(SettingsTest, EverySettingIsDocumented) {
  for (const ConfigOption& option : SettingTable())
    EXPECT_GE(option.help.size(), 10u) << option.key;
  EXPECT_NE(SettingsAsMarkdown().find("`MAINSTEM_KAFKA_LISTEN`"), std::string::npos);
}

}  // namespace
}  // namespace mainstem::server
