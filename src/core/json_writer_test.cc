#include "core/json_writer.h"

#include <gtest/gtest.h>

#include <limits>

namespace mainstem {
namespace {

TEST(JsonWriter, PlacesCommas) {
  JsonWriter json;
  json.BeginObject().Field("a", 1).Key("b").BeginArray().Value("x").Value(true).Null().EndArray();
  json.Key("c").BeginObject().EndObject().Field("d", 1.5).Key("e").Raw("[1]").EndObject();
  EXPECT_EQ(json.text(), R"({"a":1,"b":["x",true,null],"c":{},"d":1.5,"e":[1]})");
}

TEST(JsonWriter, KeepsExtremesOfIntegersAndDropsWhatIsNoNumber) {
  JsonWriter json;
  json.BeginArray().Value(std::numeric_limits<int64_t>::min());
  json.Value(std::numeric_limits<uint64_t>::max());
  json.Value(std::numeric_limits<double>::infinity()).EndArray();
  EXPECT_EQ(json.text(), "[-9223372036854775808,18446744073709551615,null]");
}

TEST(JsonWriter, EscapesAndRepairsStrings) {
  EXPECT_EQ(JsonQuote("a\"\\\n\x01"), R"("a\"\\\n\u0001")");
  EXPECT_EQ(JsonQuote("caf\xC3\xA9 \xF0\x9F\x8C\x8A"), "\"caf\xC3\xA9 \xF0\x9F\x8C\x8A\"");
  EXPECT_EQ(JsonQuote("\xFF|\xC3|\xED\xA0\x80|\xC0\x80"),
            "\"\xEF\xBF\xBD|\xEF\xBF\xBD|\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD|"
            "\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

}  // namespace
}  // namespace mainstem
