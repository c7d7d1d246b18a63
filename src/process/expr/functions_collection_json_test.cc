// Collections, JSON, patterns and encodings against the reference engine (cases 043, 045, 047).
#include "process/expr/expr_test_support.h"
#include "process/expr/like_pattern.h"

namespace mainstem::process::testing {
namespace {

using T = LogicalType;

ExprPtr Array(std::vector<int32_t> values) {
  std::vector<ExprPtr> args;
  for (int32_t value : values) args.push_back(I(value));
  return Fn("ARRAY", std::move(args));
}
ExprPtr Map(const char* key, int32_t value) { return Fn("MAP", {S(key), I(value)}); }

TEST(Arrays, GiveTheReferenceResults) {
  const ExprPtr words = Fn("ARRAY", {S("a"), S("b")});
  Check({
      {Fn("ARRAY_APPEND", {Array({1, 2}), I(3)}), "ARRAY NOT NULL", "[1, 2, 3]"},
      {Fn("ARRAY_CONCAT", {Array({1}), Array({2, 3})}), "ARRAY NOT NULL", "[1, 2, 3]"},
      {Fn("ARRAY_DISTINCT", {Array({1, 2, 1})}), "ARRAY NOT NULL", "[1, 2]"},
      {Fn("ARRAY_POSITION", {words, S("b")}), "INTEGER NOT NULL", "2"},
      {Fn("ARRAY_REMOVE", {Array({1, 2, 1}), I(1)}), "ARRAY NOT NULL", "[2]"},
      {Fn("ARRAY_REVERSE", {Array({1, 2, 3})}), "ARRAY NOT NULL", "[3, 2, 1]"},
      {Fn("ARRAY_SLICE", {Array({1, 2, 3, 4}), I(2), I(3)}), "ARRAY NOT NULL", "[2, 3]"},
      {Fn("ARRAY_SORT", {Array({3, 1, 2})}), "ARRAY NOT NULL", "[1, 2, 3]"},
      {Fn("ARRAY_UNION", {Array({1, 2}), Array({2, 3})}), "ARRAY NOT NULL", "[1, 2, 3]"},
      {Fn("ARRAY_MAX", {Array({1, 5, 2})}), "INTEGER", "5"},
      {Fn("ARRAY_MIN", {Array({4, 2})}), "INTEGER", "2"},
      {Fn("ARRAY_JOIN", {words, S("-")}), "VARCHAR NOT NULL", "a-b"},
      {Fn("ARRAY_EXCEPT", {Array({1, 2}), Array({2})}), "ARRAY NOT NULL", "[1]"},
      {Fn("ARRAY_INTERSECT", {Array({1, 2}), Array({2})}), "ARRAY NOT NULL", "[2]"},
      {Fn("ARRAY_CONTAINS", {Array({1, 2}), I(2)}), "BOOLEAN NOT NULL", "TRUE"},
      {Fn("CARDINALITY", {Array({1, 2})}), "INTEGER NOT NULL", "2"},
      {Fn("SPLIT", {S("a,b,,c"), S(",")}), "ARRAY NOT NULL", "[a, b, , c]"},
      {Fn("ITEM", {Array({7, 8}), I(2)}), "INTEGER", "8"},
      {Fn("ITEM", {Array({7, 8}), I(3)}), "INTEGER", "NULL"},
  });
}

TEST(Maps, GiveTheReferenceResults) {
  const std::vector<Expected> cases = {
      {Fn("MAP_KEYS", {Map("a", 1)}), "ARRAY NOT NULL", "[a]"},
      {Fn("MAP_VALUES", {Map("a", 1)}), "ARRAY NOT NULL", "[1]"},
      {Fn("MAP_ENTRIES", {Map("a", 1)}), "ARRAY NOT NULL", "[(a, 1)]"},
      {Fn("MAP_FROM_ARRAYS", {Fn("ARRAY", {S("x")}), Array({9})}), "MAP NOT NULL", "{x=9}"},
      {Fn("MAP_UNION", {Map("a", 1), Map("b", 2)}), "MAP NOT NULL", "{b=2, a=1}"},
      {Fn("STR_TO_MAP", {S("a=1,b=2")}), "MAP", "{a=1, b=2}"},
      {Fn("ITEM", {Map("a", 1), S("a")}), "INTEGER", "1"},
      {Fn("ITEM", {Map("a", 1), S("z")}), "INTEGER", "NULL"},
  };
  for (const Expected& expected : cases) {
    EXPECT_EQ(expected.expr->type().ToResultString(), expected.type);
    EXPECT_EQ(Folded(expected.expr), expected.text);
  }
}

TEST(Maps, RefuseNullKeys) {
  EXPECT_EQ(Folded(Fn("MAP", {N(T::String()), I(1)})), "error: a key of the MAP is NULL");
}

TEST(Rows, GiveTheirFields) {
  const LogicalType type = T::Row({{"a", T::Int()}, {"b", T::Row({{"c", T::String()}})}});
  const ExprPtr row = Cast(Fn("ROW", {I(1), Fn("ROW", {S("x")})}), type);
  EXPECT_EQ(Folded(row), "(1, (x))");
  EXPECT_EQ(Folded(Fn("FIELD", {Fn("FIELD", {row, S("b")}), S("c")})), "x");
  EXPECT_FALSE(Functions().Bind("FIELD", {row, S("nope")}).ok());
}

const char* const kDocument =
    R"({"a":1,"b":{"c":"x","d":[1,2.50,"z",null,true]},"e":null,"f.g":"dot","t":"12"})";

ExprPtr Query(const char* path, const char* wrapper = "WITHOUT", const char* on_empty = "NULL",
              const char* on_error = "NULL") {
  return Fn("JSON_QUERY", {S(kDocument), S(path), Sym(wrapper), Sym(on_empty), Sym(on_error)});
}
ExprPtr Value(const char* path) { return Fn("JSON_VALUE", {S(kDocument), S(path)}); }

TEST(Json, QueryGivesTheReferenceResults) {
  Check({
      {Query("$.b"), "VARCHAR", R"({"c":"x","d":[1,2.50,"z",null,true]})"},
      {Query("$.b.d"), "VARCHAR", R"([1,2.50,"z",null,true])"},
      {Query("$.a"), "VARCHAR", "NULL"},
      {Query("$.a", "UNCONDITIONAL"), "VARCHAR", "[1]"},
      {Query("$.b.d", "CONDITIONAL"), "VARCHAR", R"([1,2.50,"z",null,true])"},
      {Query("$.b.d[*]", "UNCONDITIONAL"), "VARCHAR", R"([[1,2.50,"z",null,true]])"},
      {Query("$.missing"), "VARCHAR", "NULL"},
      {Query("$.missing", "WITHOUT", "EMPTY ARRAY"), "VARCHAR", "NULL"},
      {Query("strict $.missing", "WITHOUT", "NULL", "EMPTY OBJECT"), "VARCHAR", "{}"},
  });
}

TEST(Json, ExistsAndIsJsonGiveTheReferenceResults) {
  Check({
      {Fn("JSON_EXISTS", {S(kDocument), S("$.a")}), "BOOLEAN", "TRUE"},
      {Fn("JSON_EXISTS", {S(kDocument), S("$.missing")}), "BOOLEAN", "FALSE"},
      {Fn("JSON_EXISTS", {S(kDocument), S("strict $.missing"), Sym("TRUE")}), "BOOLEAN", "TRUE"},
      {Fn("IS JSON VALUE", {S("1")}), "BOOLEAN NOT NULL", "TRUE"},
      {Fn("IS JSON OBJECT", {S("{}")}), "BOOLEAN NOT NULL", "TRUE"},
      {Fn("IS JSON ARRAY", {S("[]")}), "BOOLEAN NOT NULL", "TRUE"},
      {Fn("IS JSON SCALAR", {S("\"s\"")}), "BOOLEAN NOT NULL", "TRUE"},
      {Fn("IS JSON VALUE", {S("abc")}), "BOOLEAN NOT NULL", "FALSE"},
      {Fn("IS NOT JSON VALUE", {S("abc")}), "BOOLEAN NOT NULL", "TRUE"},
      {Fn("IS JSON VALUE", {N(T::String())}), "BOOLEAN NOT NULL", "FALSE"},
  });
}

TEST(Json, ValueReadsScalarsOnly) {
  Check({{Value("$.a"), "VARCHAR", "1"},
         {Value("$.b.c"), "VARCHAR", "x"},
         {Value("$.b.d[1]"), "VARCHAR", "2.50"},
         {Value("$['f.g']"), "VARCHAR", "dot"},
         {Value("$.b"), "VARCHAR", "NULL"},
         {Value("$.e"), "VARCHAR", "NULL"},
         {Fn("JSON_VALUE", {S("{"), S("$.a")}), "VARCHAR", "NULL"},
         {Fn("JSON_VALUE", {S("{\"a\":\"\\u00e9\\n\"}"), S("$.a")}), "VARCHAR", "é\n"},
         {Fn("JSON_VALUE",
             {S(kDocument), S("lax $.nope"), Sym("DEFAULT"), S("d"), Sym("NULL"), N(T::String())}),
          "VARCHAR", "d"}});
  EXPECT_EQ(Folded(Fn("JSON_VALUE", {S(kDocument), S("strict $.nope"), Sym("NULL"), N(T::String()),
                                     Sym("ERROR"), N(T::String())}))
                .substr(0, 6),
            "error:");
}

TEST(Json, BuildsDocuments) {
  const ExprPtr inner = Fn("JSON_ARRAY", {Sym("NULL"), I(1), S("q\""), N(T::Int())});
  EXPECT_EQ(Folded(Fn("JSON_OBJECT", {Sym("NULL"), S("k"), I(1), S("l"), inner})),
            R"({"k":1,"l":[1,"q\"",null]})");
  Check({{Fn("JSON_STRING", {Array({1, 2})}), "VARCHAR NOT NULL", "[1,2]"}});
  EXPECT_EQ(Folded(Fn("JSON_OBJECT", {Sym("ABSENT"), S("k"), N(T::Int())})), "{}");
}

TEST(Patterns, LikeMatchesWholeTexts) {
  const auto like = [](const char* text, const char* pattern, const char* escape = "") {
    return LikePattern::Make(pattern, escape)->Matches(text);
  };
  EXPECT_TRUE(like("abc", "a%"));
  EXPECT_TRUE(like("abc", "%c"));
  EXPECT_TRUE(like("abc", "%b%"));
  EXPECT_TRUE(like("abc", "a_c"));
  EXPECT_TRUE(like("héllo", "h_llo"));
  EXPECT_TRUE(like("aXbXc", "a%b%c"));
  EXPECT_TRUE(like("mississippi", "m%iss%pi"));
  EXPECT_FALSE(like("mississippi", "m%iss%pix"));
  EXPECT_FALSE(like("abc", "ab"));
  EXPECT_TRUE(like("", "%"));
  EXPECT_FALSE(like("", "_"));
  EXPECT_TRUE(like("50%", "50!%", "!"));
  EXPECT_FALSE(like("500", "50!%", "!"));
  EXPECT_FALSE(LikePattern::Make("abc!", "!").has_value());
}

TEST(Patterns, RegularExpressionsFollowTheDialect) {
  Check({
      {Fn("LIKE", {S("abc"), S("a%")}), "BOOLEAN NOT NULL", "TRUE"},
      {Fn("NOT LIKE", {S("abc"), S("a%")}), "BOOLEAN NOT NULL", "FALSE"},
      {Fn("SIMILAR TO", {S("abc"), S("(a|x)b_")}), "BOOLEAN NOT NULL", "TRUE"},
      {Fn("SIMILAR TO", {S("abcd"), S("(a|x)b_")}), "BOOLEAN NOT NULL", "FALSE"},
      {Fn("REGEXP", {S("foobar"), S("o+b")}), "BOOLEAN NOT NULL", "TRUE"},
      {Fn("REGEXP_EXTRACT", {S("foothebar"), S("foo(.*?)(bar)"), I(2)}), "VARCHAR", "bar"},
      {Fn("REGEXP_EXTRACT", {S("foothebar"), S("(?<mid>the)"), I(1)}), "VARCHAR", "the"},
      {Fn("REGEXP_EXTRACT", {S("x"), S("y")}), "VARCHAR", "NULL"},
      {Fn("REGEXP_REPLACE", {S("foobar"), S("(o)(b)"), S("<$2$1>")}), "VARCHAR NOT NULL",
       "fo<$2$1>ar"},
      {Fn("REGEXP_REPLACE", {S("foobar"), S("oo|ar"), S("")}), "VARCHAR NOT NULL", "fb"},
      {Fn("REGEXP_EXTRACT_ALL", {S("a1b22"), S("[0-9]+"), I(0)}), "ARRAY", "[1, 22]"},
      {Fn("REGEXP_COUNT", {S("a1b22"), S("[0-9]")}), "INTEGER", "3"},
  });
}

TEST(Encodings, GiveTheReferenceResults) {
  const ExprPtr encoded = Fn("ENCODE", {S("é"), S("UTF-8")});
  Check({
      {encoded, "VARBINARY NOT NULL", "x'c3a9'"},
      {Fn("DECODE", {encoded, S("UTF-8")}), "VARCHAR NOT NULL", "é"},
      {Fn("TO_BASE64", {S("hello")}), "VARCHAR NOT NULL", "aGVsbG8="},
      {Fn("FROM_BASE64", {S("aGVsbG8=")}), "VARCHAR NOT NULL", "hello"},
      {Fn("MD5", {S("abc")}), "CHAR(32) NOT NULL", "900150983cd24fb0d6963f7d28e17f72"},
      {Fn("SHA1", {S("abc")}), "CHAR(40) NOT NULL", "a9993e364706816aba3e25717850c26c9cd0d89d"},
      {Fn("SHA256", {S("abc")}), "CHAR(64) NOT NULL",
       "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {Fn("HEX", {I(255)}), "VARCHAR NOT NULL", "FF"},
      {Fn("HEX", {S("abc")}), "VARCHAR NOT NULL", "616263"},
      {Fn("BIN", {I(5)}), "VARCHAR NOT NULL", "101"},
      {Fn("PRINTF", {S("%d-%s"), I(5), S("x")}), "VARCHAR", "5-x"},
      {Fn("PRINTF", {S("%05d|%-4s|%.2f"), I(-5), S("x"), F(1.255)}), "VARCHAR", "-0005|x   |1.25"},
      {Fn("PARSE_URL", {S("http://u@h.org:80/p/a?q=1&r=2#f"), S("HOST")}), "VARCHAR", "h.org"},
      {Fn("PARSE_URL", {S("http://h.org/p?q=1&r=2"), S("QUERY"), S("r")}), "VARCHAR", "2"},
      {Fn("URL_ENCODE", {S("a b&é")}), "VARCHAR", "a+b%26%C3%A9"},
      {Fn("URL_DECODE", {S("a+b%26%C3%A9")}), "VARCHAR", "a b&é"},
  });
}

TEST(Json, OfEqualKeysTheLastCounts) {
  Check({
      {Fn("JSON_VALUE", {S(R"({"a": 1, "a": 2})"), S("$.a")}), "", "2"},
      {Fn("JSON_VALUE", {S(R"({"a": {"b": 1}, "a": {"c": 2}})"), S("$.a.b")}), "", "NULL"},
      {Fn("JSON_VALUE", {S(R"({"a": [1, {"b": 3, "b": 4}], "c": 5})"), S("$.a[1].b")}), "", "4"},
      {Fn("JSON_QUERY", {S(R"({"a": 1e-9223372036854775808})"), S("$")}), "",
       R"({"a":1e-9223372036854775808})"},
  });
}

TEST(Patterns, GoOnByCharactersAndKnowTheLastLinesEnd) {
  Check({
      {Fn("HEX", {Fn("REGEXP_REPLACE", {S("é"), S("x*"), S("-")})}), "", "2DC3A92D"},
      {Fn("REGEXP_COUNT", {S("é"), S("x*")}), "", "2"},
      {Fn("REGEXP", {S("ab\n"), S("b$")}), "", "TRUE"},
      {Fn("REGEXP", {S("ab\nc"), S("b$")}), "", "FALSE"},
      {Fn("REGEXP", {S("ab\n"), S("b\\z")}), "", "FALSE"},
      {Fn("REGEXP_EXTRACT", {S("ab\r\n"), S("(\\w+)$"), I(1)}), "", "ab"},
      {Fn("REGEXP_REPLACE", {S("ab\n"), S("b$"), S("-")}), "", "a-\n"},
      {Fn("REGEXP_EXTRACT", {S("a\t b"), S("a\\h+b")}), "", "a\t b"},
      {Fn("REGEXP_COUNT", {S("aB1_"), S("\\p{Lower}|[\\p{Digit}_]")}), "", "3"},
      {Fn("REGEXP_EXTRACT", {S("naïve"), S("\\u00ef(?<rest>.*)"), I(1)}), "", "ve"},
      {Fn("REGEXP_EXTRACT", {S("a.b*"), S("\\Q.b*\\E")}), "", ".b*"},
      {Fn("REGEXP_EXTRACT", {S("a b\r"), S("(.*)$"), I(1)}), "", "a b"},
      {Fn("REGEXP_EXTRACT", {S("a\rb"), S("a(?s).b")}), "", "a\rb"},
      {Fn("REGEXP_EXTRACT", {S("a\rb\rc"), S("(?:a(?s).)b.c")}), "", "NULL"},
      {Fn("REGEXP_EXTRACT", {S("é"), S("\\é")}), "", "é"},
      {Fn("REGEXP", {S("a"), S("(")}), "", "FALSE"},
      {Fn("REGEXP_EXTRACT", {S("a"), S("a**")}), "", "NULL"},
      {Fn("REGEXP_COUNT", {S("a+b"), S("[+]+?")}), "", "1"},
      {Fn("REGEXP_COUNT", {S("a\x0B\tb"), S("\\s")}), "", "2"},
      {Fn("REGEXP_COUNT", {S("a\x0B\tb"), S("[\\sa]")}), "", "3"},
      {Fn("REGEXP_COUNT", {S("a\x0B\tb"), S("\\S")}), "", "2"},
      {Fn("REGEXP", {S("a"), S("(?i-u)A")}), "", "TRUE"},
      {Fn("REGEXP_EXTRACT_ALL", {S("ab"), S("(a)|(b)"), I(1)}), "ARRAY", "[a, NULL]"},
  });
}

TEST(Patterns, NameWhatLinearTimeDoesNotAllow) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"a(?=b)", "a lookahead (?=..)"},
      {"a(?!b)", "a lookahead (?!..)"},
      {"(?<=a)b", "a lookbehind (?<=..)"},
      {"(?<!a)b", "a lookbehind (?<!..)"},
      {"(?>a)b", "an atomic group (?>..)"},
      {"(a)\\1", "a back-reference \\1"},
      {"(?<n>a)\\k<n>", "a back-reference \\k<name>"},
      {"a++b", "a possessive quantifier ++"},
      {"a{1,2}+", "a possessive quantifier }+"},
      {"[a-z&&[^b]]", "an intersection of classes [a&&b]"},
      {"[a[bc]]", "a class within a class [a[b]]"},
      {"(?x)a b", "the flag (?x)"},
      {"\\p{javaLowerCase}", "the property \\p{javaLowerCase}"},
      {"a{2000}", "a repetition of more than 1000 times"},
  };
  for (const auto& [pattern, lacks] : cases) {
    const std::string message = std::string("regular expression '") + pattern + "' has " + lacks +
                                ", which is not supported";
    for (const char* name : {"REGEXP", "REGEXP_EXTRACT", "REGEXP_COUNT", "REGEXP_EXTRACT_ALL"}) {
      const auto bound = Functions().Bind(name, {S("ab"), S(pattern)});
      ASSERT_FALSE(bound.ok()) << pattern;
      EXPECT_EQ(TextOf(bound.status()).message, message);
      // From a column the row fails.
      const ExprPtr call = Fn(name, {S("ab"), Fn("||", {S(pattern), S("")})});
      EXPECT_EQ(OverColumns(call), "error: " + message);
    }
  }
}

TEST(Encodings, TextsStayUtf8) {
  const std::string replaced = "a\xEF\xBF\xBD";
  Check({
      {Fn("DECODE", {Fn("UNHEX", {S("61C3")}), S("UTF-8")}), "", replaced},
      {Fn("URL_DECODE", {S("a%C3")}), "", replaced},
      {Fn("FROM_BASE64", {S("YcM=")}), "", replaced},
  });
}

TEST(Arrays, SetsOfManyElements) {
  std::vector<ExprPtr> elements;
  for (int32_t i = 0; i < 4'000; ++i) elements.push_back(I(i / 2));
  const ExprPtr array = Fn("ARRAY", elements);
  EXPECT_EQ(Folded(Fn("CARDINALITY", {Fn("ARRAY_DISTINCT", {array})})), "2000");
  EXPECT_EQ(Folded(Fn("CARDINALITY", {Fn("ARRAY_INTERSECT", {array, array})})), "2000");
  EXPECT_EQ(Folded(Fn("CARDINALITY", {Fn("ARRAY_EXCEPT", {array, Fn("ARRAY", {I(7)})})})), "1999");
  EXPECT_EQ(Folded(Fn("CARDINALITY", {Fn("ARRAY_UNION", {array, Fn("ARRAY", {I(-7)})})})), "2001");
  std::vector<ExprPtr> entries, turned;
  for (int32_t i = 0; i < 4'000; ++i) {
    entries.insert(entries.end(), {I(i / 2), I(i)});
    turned.insert(turned.begin(), {I(i / 2), I(i | 1)});
  }
  const ExprPtr map = Fn("MAP", entries);
  EXPECT_EQ(Folded(Fn("CARDINALITY", {map})), "2000");
  EXPECT_EQ(Folded(Fn("ITEM", {map, I(1)})), "3");
  EXPECT_EQ(Folded(Fn("=", {map, Fn("MAP", turned)})), "TRUE");
  entries.back() = I(0);
  EXPECT_EQ(Folded(Fn("=", {map, Fn("MAP", entries)})), "FALSE");
}

// A slice of maps, whose entries are a slice of a longer column too.
TEST(Maps, LookBehindTheEntriesOffset) {
  auto builder = *arrow::MakeBuilder(ToArrowType(T::Map(T::Int(), T::Int())));
  auto& maps = static_cast<arrow::MapBuilder&>(*builder);
  for (int32_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(maps.Append().ok());
    EXPECT_TRUE(static_cast<arrow::Int32Builder*>(maps.key_builder())->Append(i).ok());
    EXPECT_TRUE(static_cast<arrow::Int32Builder*>(maps.item_builder())->Append(10 * i).ok());
  }
  const auto data = (*builder->Finish())->data()->Copy();
  data->child_data[0] = data->child_data[0]->Slice(1, 2);
  data->length = 2;  // rows with the keys 1 and 2
  const ExprPtr map = MakeInputRef(0, T::Map(T::Int(), T::Int()));
  const ExprPtr all = Fn("||", {Cast(Fn("ITEM", {map, I(1)}), T::String()), S("")});
  const ExprPtr both = Fn("ITEM", {Fn("MAP_UNION", {map, map}), I(2)});
  auto program = ExprProgram::Make({all, both}, UtcContext());
  const auto columns = (*program)->Evaluate({arrow::MakeArray(data)}, 2, UtcContext());
  ASSERT_TRUE(columns.ok()) << columns.status();
  EXPECT_EQ((**(*columns)[0]->GetScalar(0)).ToString(), "10");
  EXPECT_TRUE((*columns)[0]->IsNull(1));
  EXPECT_TRUE((*columns)[1]->IsNull(0));
  EXPECT_EQ((**(*columns)[1]->GetScalar(1)).ToString(), "20");
}

}  // namespace
}  // namespace mainstem::process::testing
