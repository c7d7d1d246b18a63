#include "gateway/logs/log_event.h"

#include <gtest/gtest.h>

#include "core/json_writer.h"
#include "gateway/logs/log_group.h"

namespace mainstem::gateway::logs {
namespace {

TEST(LogEventTest, AnIdHas56DigitsAndNamesItsSource) {
  EventSource source{.group_id = "0123", .stream = "a"};
  std::string id = FormatEventId(source, {.timestamp_ms = 1'700'000'000'000, .index = 17});
  EXPECT_EQ(id,
            "1700000000000"
            "000011320213658886644353"
            "0000000000000000017");
  auto position = ParseEventId(source, id);
  ASSERT_TRUE(position);
  EXPECT_EQ(*position, (EventPosition{1'700'000'000'000, 17}));
  EXPECT_FALSE(ParseEventId({.group_id = "0123", .stream = "b"}, id));
  EXPECT_FALSE(ParseEventId(source, id.substr(1)));
  id[50] = 'x';
  EXPECT_FALSE(ParseEventId(source, id));
}

TEST(LogEventTest, BoundsWhatATextTakesInJson) {
  for (const char* text : {"plain", "\"\\\n\x01\x7F", "w\xC3\xB6rld", "\xFF\xFE"}) {
    JsonWriter json;
    json.Value(text);
    EXPECT_LE(json.Take().size(), static_cast<size_t>(JsonBytesBound(text)) + 2) << text;
  }
  EXPECT_EQ(JsonBytesBound("plain"), 5);
}

TEST(LogGroupTest, RecordsReadBackTheSame) {
  GroupDefinition group{.id = "7", .topic = "logs.x", .created_ms = 5, .retention_days = 3};
  group.tags["a\""] = "b\n";
  group.topic_id = {0, 1, 255};
  group.making = true;
  auto again = DecodeGroup(EncodeGroup(group));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(*again, group);
  auto stream = DecodeStream(EncodeStream({.created_ms = 9, .begin = Offset(4)}));
  ASSERT_TRUE(stream.ok());
  EXPECT_EQ(stream->begin, Offset(4));
  for (const char* text :
       {"", "[]", "{}", R"({"version":2,"id":"7","topic":"t","created_ms":1})",
        R"({"version":1,"id":"","topic":"t","created_ms":1,"class":"S"})",
        R"({"version":1,"id":"7","topic":"t","created_ms":1,"class":"S","topic_id":"x"})"}) {
    EXPECT_TRUE(!DecodeGroup(text).ok()) << text;
  }
  EXPECT_FALSE(DecodeStream(R"({"version":1,"created_ms":1,"begin":-1})").ok());
}

}  // namespace
}  // namespace mainstem::gateway::logs
