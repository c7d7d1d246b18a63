// Goal: a topic's configuration is acted on or refused; what was taken once never stops a start.
#include "storage/topic_config.h"

#include <gtest/gtest.h>

namespace mainstem::storage {
namespace {

TEST(TopicConfigTest, WhatTheLogDoesNotDoIsRefused) {
  struct Case {
    const char* key;
    const char* accepted;
    const char* refused;
  };
  constexpr Case kCases[] = {{"min.insync.replicas", "1", "2"},
                             {"min.insync.replicas", "1", "0"},
                             {"remote.storage.enable", "false", "true"},
                             {"remote.log.copy.disable", "false", "true"},
                             {"compression.gzip.level", "-1", "9"},
                             {"compression.lz4.level", "9", "1"},
                             {"compression.zstd.level", "3", "19"},
                             {"flush.messages", "1", "0"},
                             {"flush.ms", "0", "-1"},
                             {"file.delete.delay.ms", "0", "-1"},
                             {"segment.index.bytes", "4", "3"},
                             {"segment.jitter.ms", "5", "-5"},
                             {"local.retention.ms", "-2", "-3"},
                             {"preallocate", "true", "yes"},
                             {"retention.ms", "-1", "-2"},
                             {"cleanup.policy", "compact,delete", "compress"},
                             {"internal.segment.bytes", nullptr, "1048576"},
                             {"no.such.key", nullptr, "1"}};
  for (const auto& [key, accepted, refused] : kCases) {
    if (accepted != nullptr) {
      Status status = CheckNewTopicConfig({{key, accepted}}, {});
      EXPECT_TRUE(status.ok()) << Describe(status);
    }
    Status status = CheckNewTopicConfig({{key, refused}}, {});
    EXPECT_TRUE(Is(status, ErrorCode::kInvalidConfig)) << key << " " << refused;
    EXPECT_NE(TextOf(status).message.find(key), std::string::npos) << Describe(status);
  }
}

TEST(TopicConfigTest, EveryDefaultIsAccepted) {
  for (const ConfigKey& key : TopicConfigKeys()) {
    if (key.default_value.empty() && key.kind == ConfigKind::kInt) continue;  // it has none
    Status status = CheckNewTopicConfig({{key.name, key.default_value}}, {});
    EXPECT_TRUE(status.ok()) << Describe(status);
  }
}

// Of an earlier version, which took it.
TEST(TopicConfigTest, WhatATopicHasAlreadyStays) {
  TopicConfig old{{"min.insync.replicas", "2"}};
  EXPECT_TRUE(ParseTopicConfig(old).ok());
  TopicConfig more = old;
  more["retention.ms"] = "5";
  EXPECT_TRUE(CheckNewTopicConfig(more, old).ok());
  more["min.insync.replicas"] = "3";
  EXPECT_TRUE(Is(CheckNewTopicConfig(more, old), ErrorCode::kInvalidConfig));
}

}  // namespace
}  // namespace mainstem::storage
