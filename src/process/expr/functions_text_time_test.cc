// String and time functions against results of the reference engine (cases 047 and 049).
#include "process/expr/expr_test_support.h"

namespace mainstem::process::testing {
namespace {

using T = LogicalType;
const char* const kDash = "-";

TEST(Strings, GiveTheReferenceResultsByPosition) {
  Check({
      {Fn("CHAR_LENGTH", {S("héllo")}), "INTEGER NOT NULL", "5"},
      {Fn("LOWER", {S("ÀB")}), "CHAR(2) NOT NULL", "àb"},
      {Fn("SUBSTRING", {S("abcdef"), I(2), I(3)}), "VARCHAR(6)", "bcd"},
      {Fn("SUBSTRING", {S("abcdef"), I(-3)}), "VARCHAR(6)", "def"},
      {Fn("SUBSTRING", {S("abc"), I(0)}), "VARCHAR(3)", "abc"},
      {Fn("SUBSTR", {S("abc"), I(2)}), "VARCHAR(3)", "bc"},
      {Fn("TRIM", {S("  a b ")}), "VARCHAR(6) NOT NULL", "a b"},
      {Fn("TRIM", {Sym("LEADING"), S("x"), S("xxaxx")}), "VARCHAR(5) NOT NULL", "axx"},
      {Fn("TRIM", {Sym("BOTH"), S("x"), S("xxaxx")}), "VARCHAR(5) NOT NULL", "a"},
      {Fn("LTRIM", {S("  a")}), "VARCHAR(3) NOT NULL", "a"},
      {Fn("RTRIM", {S("a  ")}), "VARCHAR(3) NOT NULL", "a"},
      {Fn("LPAD", {S("7"), I(3), S("0")}), "VARCHAR NOT NULL", "007"},
      {Fn("LPAD", {S("12345"), I(3), S("0")}), "VARCHAR NOT NULL", "123"},
      {Fn("RPAD", {S("ab"), I(5), S("xy")}), "VARCHAR NOT NULL", "abxyx"},
      {Fn("REPLACE", {S("aXbX"), S("X"), S("--")}), "VARCHAR NOT NULL", "a--b--"},
      {Fn("OVERLAY", {S("abcdef"), S("ZZ"), I(2), I(3)}), "VARCHAR(8) NOT NULL", "aZZef"},
      {Fn("POSITION", {S("c"), S("abcabc")}), "INTEGER NOT NULL", "3"},
      {Fn("INSTR", {S("abcabc"), S("c")}), "INTEGER NOT NULL", "3"},
      {Fn("LOCATE", {S("c"), S("abcabc"), I(4)}), "INTEGER NOT NULL", "6"},
  });
}

TEST(Strings, GiveTheReferenceResultsByContent) {
  Check({
      {Fn("CONCAT", {S("a"), N(T::String()), S("b")}), "VARCHAR", "NULL"},
      {Fn("CONCAT_WS", {S(kDash), S("a"), N(T::String()), S("b")}), "VARCHAR", "a-b"},
      {Fn("||", {Fn("||", {S("a"), S("b")}), Cast(I(1), T::String())}), "VARCHAR NOT NULL", "ab1"},
      {Fn("REVERSE", {S("abç")}), "VARCHAR", "çba"},
      {Fn("REPEAT", {S("ab"), I(3)}), "VARCHAR NOT NULL", "ababab"},
      {Fn("LEFT", {S("abc"), I(2)}), "VARCHAR(3)", "ab"},
      {Fn("RIGHT", {S("abc"), I(2)}), "VARCHAR(3)", "bc"},
      {Fn("INITCAP", {S("hello WORLD foo-bar")}), "CHAR(19) NOT NULL", "Hello World Foo-Bar"},
      {Fn("ASCII", {S("A")}), "INTEGER NOT NULL", "65"},
      {Fn("CHR", {I(97)}), "VARCHAR", "a"},
      {Fn("STARTSWITH", {S("abc"), S("ab")}), "BOOLEAN NOT NULL", "TRUE"},
      {Fn("ENDSWITH", {S("abc"), S("bc")}), "BOOLEAN NOT NULL", "TRUE"},
      {Fn("TRANSLATE", {S("abcd"), S("bd"), S("XY")}), "VARCHAR NOT NULL", "aXcY"},
      {Fn("TRANSLATE", {S("abc"), N(T::String()), S("x")}), "VARCHAR NOT NULL", "abc"},
      {Fn("TRANSLATE", {S("abc"), S("b"), N(T::String())}), "VARCHAR NOT NULL", "ac"},
      {Fn("OVERLAY", {S("abcdef"), S("XYZ"), I(2), I(0)}), "VARCHAR(9) NOT NULL", "aXYZ"},
      {Fn("IS_DIGIT", {S("١2")}), "BOOLEAN NOT NULL", "TRUE"},
      {Fn("ELT", {I(2), S("a"), S("b")}), "CHAR(1)", "b"},
      {Fn("SPLIT_INDEX", {S("a,b,,c"), S(","), I(2)}), "VARCHAR", ""},
      {Fn("SPLIT_INDEX", {S("a,b"), S(","), I(2)}), "VARCHAR", "NULL"},
      {Fn("IS NOT NULL", {Fn("UUID", {})}), "BOOLEAN NOT NULL", "TRUE"},
  });
}

TEST(Text, ChecksQuotesAndAddressesAsTheReference) {
  Check({
      {Fn("IS_ALPHA", {S("abc")}), "BOOLEAN NOT NULL", "TRUE"},
      {Fn("IS_ALPHA", {S("a c")}), "BOOLEAN NOT NULL", "FALSE"},
      {Fn("IS_ALPHA", {S("")}), "BOOLEAN NOT NULL", "FALSE"},
      {Fn("IS_DIGIT", {S("12")}), "BOOLEAN NOT NULL", "TRUE"},
      {Fn("IS_DIGIT", {S("1.2")}), "BOOLEAN NOT NULL", "FALSE"},
      {Fn("IS_DECIMAL", {S(" 1e5 ")}), "BOOLEAN NOT NULL", "TRUE"},
      {Fn("IS_DECIMAL", {S("x")}), "BOOLEAN NOT NULL", "FALSE"},
      {Fn("IS_DECIMAL", {S("")}), "BOOLEAN NOT NULL", "FALSE"},
      {Fn("JSON_QUOTE", {S("a\"b/é")}), "VARCHAR NOT NULL", "\"a\\\"b\\/\\u00e9\""},
      {Fn("JSON_UNQUOTE", {S("\"a\\u0041\"")}), "VARCHAR NOT NULL", "aA"},
      {Fn("JSON_UNQUOTE", {S("{\"a\":1}")}), "VARCHAR NOT NULL", "{\"a\":1}"},
      {Fn("INET_ATON", {S("10.0.0.1")}), "BIGINT", "167772161"},
      {Fn("INET_ATON", {S("1.2")}), "BIGINT", "16777218"},
      {Fn("INET_ATON", {S("256.1.1.1")}), "BIGINT", "NULL"},
      {Fn("INET_NTOA", {I(167772161)}), "VARCHAR", "10.0.0.1"},
      {Fn("INET_NTOA", {I(-1)}), "VARCHAR", "NULL"},
  });
}

TEST(Time, ExtractsAndRoundsAsTheReference) {
  const ExprPtr leap = Ts("2024-02-29 23:59:59.987");
  Check({
      {Fn("EXTRACT", {Sym("YEAR"), leap}), "BIGINT NOT NULL", "2024"},
      {Fn("EXTRACT", {Sym("WEEK"), Date("2026-01-01")}), "BIGINT NOT NULL", "1"},
      {Fn("EXTRACT", {Sym("DOW"), Date("2026-03-01")}), "BIGINT NOT NULL", "1"},
      {Fn("EXTRACT", {Sym("DOY"), Date("2024-12-31")}), "BIGINT NOT NULL", "366"},
      {Fn("QUARTER", {Date("2026-05-01")}), "BIGINT NOT NULL", "2"},
      {Fn("DAYOFWEEK", {Date("2026-03-01")}), "BIGINT NOT NULL", "1"},
      {Fn("EXTRACT", {Sym("MILLISECOND"), leap}), "BIGINT NOT NULL", "987"},
      {Fn("EXTRACT", {Sym("EPOCH"), Ts("1970-01-02 00:00:00")}), "BIGINT NOT NULL", "86400"},
      {Fn("FLOOR", {Ts("2026-08-19 13:45:31"), Sym("HOUR")}),
       "TIMESTAMP_WITHOUT_TIME_ZONE(0) NOT NULL", "2026-08-19 13:00:00"},
      {Fn("CEIL", {Ts("2026-08-19 13:45:31"), Sym("MONTH")}),
       "TIMESTAMP_WITHOUT_TIME_ZONE(0) NOT NULL", "2026-09-01 00:00:00"},
      {Fn("FLOOR", {Date("2026-08-19"), Sym("WEEK")}), "DATE NOT NULL", "2026-08-16"},
      {Fn("HOUR", {Ts("2026-01-01 13:00:00")}), "BIGINT NOT NULL", "13"},
  });
}

TEST(Time, AddsAndSubtractsAsTheReference) {
  Check({
      {Fn("TIMESTAMPADD", {Sym("MONTH"), I(1), Ts("2024-01-31 10:00:00")}),
       "TIMESTAMP_WITHOUT_TIME_ZONE(0) NOT NULL", "2024-02-29 10:00:00"},
      {Fn("TIMESTAMPADD", {Sym("DAY"), I(-1), Date("2024-03-01")}), "DATE NOT NULL", "2024-02-29"},
      {Fn("TIMESTAMPDIFF", {Sym("MONTH"), Ts("2024-01-31 00:00:00"), Ts("2024-02-29 00:00:00")}),
       "INTEGER NOT NULL", "1"},
      {Fn("TIMESTAMPDIFF", {Sym("DAY"), Ts("2024-01-01 12:00:00"), Ts("2024-01-03 11:59:59")}),
       "INTEGER NOT NULL", "1"},
      {Fn("TIMESTAMPDIFF", {Sym("SECOND"), Ts("2024-01-01 00:00:01"), Ts("2024-01-01 00:00:00")}),
       "INTEGER NOT NULL", "-1"},
      {Fn("+", {Ts("2024-01-31 00:00:00"), Months(1)}), "TIMESTAMP_WITHOUT_TIME_ZONE(0) NOT NULL",
       "2024-02-29 00:00:00"},
      {Fn("-", {Date("2024-03-31"), Months(1)}), "DATE NOT NULL", "2024-02-29"},
      {Fn("+", {Ts("2024-01-01 00:00:00"), Millis(93784500)}),
       "TIMESTAMP_WITHOUT_TIME_ZONE(0) NOT NULL", "2024-01-02 02:03:04"},
      {Fn("TIMESTAMPADD", {Sym("HOUR"), I(1), Date("2024-03-01")}),
       "TIMESTAMP_WITHOUT_TIME_ZONE(6) NOT NULL", "2024-03-01 01:00:00.000000"},
      {Fn("TIMESTAMPDIFF", {Sym("MINUTE"), Time("12:00:00"), Time("10:30:59")}), "INTEGER NOT NULL",
       "-89"},
      {Fn("DATE_MINUS", {Date("2024-03-01"), Date("2024-02-01"), Sym("DAY")}),
       "INTERVAL_DAY_TIME(2) NOT NULL", "+29 00:00:00.000"},
      {Fn("+", {Time("23:30:00"), Millis(3600000)}), "TIME_WITHOUT_TIME_ZONE(0) NOT NULL",
       "00:30:00"},
      {Fn("OVERLAPS",
          {Ts("2026-01-01 00:00:00"), Millis(3600000), Ts("2026-01-01 00:30:00"), Millis(3600000)}),
       "BOOLEAN NOT NULL", "TRUE"},
  });
}

TEST(Time, FormatsAndParsesAsTheReference) {
  Check({
      {Fn("DATE_FORMAT", {Ts("2026-08-09 03:04:05.678"), S("yyyy/MM/dd HH-mm-ss.SSS EEE")}),
       "VARCHAR", "2026/08/09 03-04-05.678 Sun"},
      {Fn("DATE_FORMAT", {S("2026-08-09 03:04:05"), S("yyyyMMdd")}), "VARCHAR", "20260809"},
      {Fn("TO_DATE", {S("2026-08-09")}), "DATE", "2026-08-09"},
      {Fn("TO_DATE", {S("09.08.2026"), S("dd.MM.yyyy")}), "DATE", "2026-08-09"},
      {Fn("TO_DATE", {S("bad")}), "DATE", "NULL"},
      {Fn("TO_TIMESTAMP", {S("2026-08-09 03:04:05")}), "TIMESTAMP_WITHOUT_TIME_ZONE(3)",
       "2026-08-09 03:04:05.000"},
      {Fn("TO_TIMESTAMP", {S("2026-08-09 03:04:05.123456")}), "", "2026-08-09 03:04:05.123"},
      {Fn("TO_TIMESTAMP", {S("09/08/2026 7"), S("dd/MM/yyyy H")}), "", "2026-08-09 07:00:00.000"},
      {Fn("TO_TIMESTAMP", {S("nope")}), "", "NULL"},
      {Fn("TO_TIMESTAMP", {S("2026-02-30 00:00:00")}), "", "2026-02-28 00:00:00.000"},
      {Fn("TO_TIMESTAMP", {S("10/Oct/2000:13:55:36 -0700"), S("dd/MMM/yyyy:HH:mm:ss Z")}), "",
       "2000-10-10 13:55:36.000"},
      {Fn("UNIX_TIMESTAMP", {S("2026-08-09 03:04:05")}), "BIGINT NOT NULL", "1786244645"},
      {Fn("FROM_UNIXTIME", {L(1700000000)}), "VARCHAR", "2023-11-14 22:13:20"},
      {Fn("FROM_UNIXTIME", {L(1700000000), S("yyyy-MM-dd")}), "VARCHAR", "2023-11-14"},
      {Fn("CONVERT_TZ", {S("2026-08-09 03:04:05"), S("UTC"), S("America/New_York")}), "VARCHAR",
       "2026-08-08 23:04:05"},
      {Fn("TO_TIMESTAMP_LTZ", {L(1700000000), I(0)}), "TIMESTAMP_WITH_LOCAL_TIME_ZONE(3)",
       "2023-11-14 22:13:20.000"},
  });
}

TEST(Time, ReadsLooselyWhatTheReferenceReadsLoosely) {
  const auto local = [](const char* text) { return Fn("UNIX_TIMESTAMP", {S(text)}); };
  Check({
      {local("2026-13-02 25:00:00"), "BIGINT NOT NULL", "1798938000"},
      {local(" 2026-1-2 3:4:5.999"), "", "1767323045"},
      {local("2026-01-02"), "", "-9223372036854775808"},
      {Fn("UNIX_TIMESTAMP", {S("26-01-02"), S("yy-MM-dd")}), "", "1767312000"},
      {Fn("UNIX_TIMESTAMP", {S("60-01-02"), S("yy-MM-dd")}), "", "-315532800"},
      {Fn("UNIX_TIMESTAMP", {S("2026-01-02 03:04:05.123 +0100"), S("yyyy-MM-dd HH:mm:ss.SSS X")}),
       "", "1767319445"},
      {Fn("TO_DATE", {S("2026-01-02 x")}), "DATE", "2026-01-02"},
      {Fn("TO_DATE", {S("2026-02-30")}), "DATE", "NULL"},
      {Fn("TO_DATE", {S("2026-01-02T10:00:00")}), "DATE", "NULL"},
      {Fn("TO_DATE", {S("02/01/2026 rest"), S("dd/MM/yyyy")}), "DATE", "2026-01-02"},
      {Fn("DATE_FORMAT", {S("2026-01-02"), S("yyyy")}), "VARCHAR", "NULL"},
      {Fn("DATE_FORMAT", {S("2026-13-02 03:04:05.678"), S("yyyy-MM SSS")}), "", "2027-01 000"},
      {Fn("TO_TIMESTAMP", {S("2026-01-02 03:04:05.12"), S("yyyy-MM-dd HH:mm:ss")}), "",
       "2026-01-02 03:04:05.120"},
      {Fn("TO_TIMESTAMP", {S(" 2026-1-2 3:4:5 "), S("yyyy/MM")}), "", "2026-01-02 03:04:05.000"},
      {Fn("TO_TIMESTAMP", {S("2026-01-02 03:04"), S("yyyy/MM")}), "", "NULL"},
      {Fn("TO_TIMESTAMP", {S("2026-01-02 03:04:05 ")}), "", "NULL"},
      {Fn("TO_TIMESTAMP", {S("2026-01-02 24:00:00")}), "", "2026-01-03 00:00:00.000"},
  });
}

TEST(Time, FormatsWeeksQuartersAndErasAsTheReference) {
  const ExprPtr time = Ts("2026-01-02 03:04:05.678");
  Check({
      {Fn("DATE_FORMAT", {time, S("YYYY ww W e Q q QQQQ GGGG")}), "VARCHAR",
       "2026 01 1 6 1 1 1st quarter Anno Domini"},
      {Fn("DATE_FORMAT", {time, S("L LLL MMMMM EEEEE n N A")}), "VARCHAR",
       "1 Jan J F 678000000 11045678000000 11045678"},
      {Fn("DATE_FORMAT", {Ts("2024-12-30 03:04:05"), S("YYYY-ww YY YYYYY y uu yyyyy")}), "VARCHAR",
       "2025-01 25 02025 2024 24 02024"},
  });
}

TEST(Time, ReadsInstantsOfAnyPrecisionAsTheReference) {
  const auto instant = [](ExprPtr number, int32_t precision) {
    return Fn("TO_TIMESTAMP_LTZ", {std::move(number), I(precision)});
  };
  const std::string millis = "TIMESTAMP_WITH_LOCAL_TIME_ZONE(3)";
  Check({
      {instant(Cast(S("1.5"), T::Double()), 0), millis, "1970-01-01 00:00:01.500"},
      {instant(Cast(S("1234.5"), T::Decimal(5, 1)), 3), millis, "1970-01-01 00:00:01.234"},
      {instant(I(1), 2), millis, "1970-01-01 00:00:00.010"},
      {instant(I(12), 4), "TIMESTAMP_WITH_LOCAL_TIME_ZONE(4)", "1970-01-01 00:00:00.0012"},
      {instant(I(1), 9), "TIMESTAMP_WITH_LOCAL_TIME_ZONE(9)", "1970-01-01 00:00:00.000000001"},
      {instant(Cast(S("1234567.5"), T::Double()), 6), "TIMESTAMP_WITH_LOCAL_TIME_ZONE(6)",
       "1970-01-01 00:00:01.234567"},
      {instant(L(1700000000123), 0), millis, "NULL"},
      {Fn("TO_TIMESTAMP_LTZ", {S("2026-01-02 03:04"), S("yyyy-MM-dd HH:mm"), S("Europe/Berlin")}),
       millis, "2026-01-02 02:04:00.000"},
      {Fn("TO_TIMESTAMP_LTZ", {S("2026-01-02")}), millis, "2026-01-02 00:00:00.000"},
  });
}

TEST(Clock, TakesTheTimesOfTheContext) {
  EXPECT_EQ(Folded(Fn("CURRENT_TIMESTAMP", {})), "2023-11-14 22:13:20.123");
  EXPECT_EQ(Folded(Fn("CURRENT_DATE", {})), "2023-11-14");
  EXPECT_EQ(Folded(Fn("UNIX_TIMESTAMP", {})), "1700000000");
  const ExprPtr watermark =
      Fn("CURRENT_WATERMARK",
         {MakeInputRef(0, T::Timestamp(3).WithTimeAttribute(TimeAttribute::kRowtime))});
  EXPECT_EQ(watermark->type().time_attribute(), TimeAttribute::kNone);
  EXPECT_EQ(Folded(Fn("TYPEOF", {Fn("NOW", {})})), "TIMESTAMP_LTZ(3) NOT NULL");
  EXPECT_EQ(Folded(Fn("TYPEOF", {Fn("LOCALTIMESTAMP", {})})), "TIMESTAMP(3) NOT NULL");
}

TEST(Strings, ChangeCaseAsTheReference) {
  Check({
      {Fn("UPPER", {Cast(S("straße ﬁn ŉ և"), T::String())}), "", "STRASSE FIN ʼN ԵՒ"},
      {Fn("UPPER", {Cast(S("\u1FB3 \u0390 \uFB03"), T::String())}), "",
       "\u0391\u0399 \u0399\u0308\u0301 FFI"},
      {Fn("LOWER", {S("ΟΔΟΣ ΣΑΣ Σ ΑΣ'Α ΑΣ.")}), "", "οδος σας σ ασ'α ας."},
      {Fn("LOWER", {Cast(S("İX"), T::String())}), "", "i\u0307x"},
  });
}

TEST(Time, TakesTheYearsThatNanosecondsDoNotReach) {
  Check({
      {Fn("TO_TIMESTAMP", {S("9999-12-31 23:59:59")}), "", "9999-12-31 23:59:59.000"},
      {Fn("TO_TIMESTAMP", {S("0001-01-01 00:00:00.123")}), "", "0001-01-01 00:00:00.123"},
      {Fn("TO_TIMESTAMP_LTZ", {S("9999-12-31 23:59:59")}), "", "9999-12-31 23:59:59.000"},
      {Fn("DATE_FORMAT", {S("9999-12-31 00:00:00"), S("yyyy-MM-dd")}), "", "9999-12-31"},
      {Cast(Ts("2300-01-01 00:00:00"), T::Timestamp(6)), "", "2300-01-01 00:00:00.000000"},
      {TryCast(Ts("2300-01-01 00:00:00"), T::Timestamp(9)), "", "NULL"},
      {TryCast(Date("1600-01-01"), T::Timestamp(9)), "", "NULL"},
      {TryCast(S("2300-01-01 00:00:00"), T::Timestamp(9)), "", "NULL"},
      {Cast(Ts("1677-09-21 00:12:43.145224193"), T::String()), "", "1677-09-21 00:12:43.145224193"},
      {Cast(Ts("2262-04-11 23:47:16.854775807"), T::String()), "", "2262-04-11 23:47:16.854775807"},
      {Fn("+", {Date("2026-01-31"), Months(1'200'000)}), "", "102026-01-31"},
  });
  const std::string out_of_range =
      "error: a TIMESTAMP of 7 to 9 digits must lie between 1677-09-21 and 2262-04-11";
  for (const ExprPtr& expr :
       {Cast(Ts("2300-01-01 00:00:00"), T::Timestamp(9)), Cast(Date("1600-01-01"), T::Timestamp(9)),
        Cast(S("2300-01-01 00:00:00"), T::TimestampLtz(9)),
        Fn("+", {Ts("2262-01-01 00:00:00.123456789"), Months(12)}),
        Fn("+", {Ts("2262-01-01 00:00:00.123456789"), Millis(INT64_MAX)})}) {
    EXPECT_EQ(Folded(expr), out_of_range) << expr->ToString();
    EXPECT_EQ(OverColumns(expr), out_of_range) << expr->ToString();
  }
  const auto literal = MakeTimestampLiteral("2300-01-01 00:00:00.123456789");
  EXPECT_FALSE(literal.ok());
}

TEST(Time, ReadsNumbersOfManyDigits) {
  const std::string ds(30, 'd'), nines(30, '9');
  Check({
      {Fn("TO_TIMESTAMP", {S(nines), S(ds)}), "", "NULL"},
      {Fn("TO_TIMESTAMP", {S("4294967297"), S("dddddddddd")}), "", "NULL"},
      {Fn("TO_DATE", {S(nines + "1"), S(ds + "M")}), "", "NULL"},
      // As Java counts: what does not fit its milliseconds comes round.
      {Fn("FROM_UNIXTIME", {L(INT64_MAX)}), "", "1969-12-31 23:59:59"},
  });
}

TEST(Patterns, EscapesAreOneCharacter) {
  Check({
      {Fn("LIKE", {S("a%c"), S("aé%c"), S("é")}), "", "TRUE"},
      {Fn("LIKE", {S("abc"), S("aé%c"), S("é")}), "", "FALSE"},
      {Fn("LIKE", {S("éb"), S("éé_"), S("é")}), "", "TRUE"},
      {Fn("SIMILAR TO", {S("a%c"), S("aé%c"), S("é")}), "", "TRUE"},
      {Fn("SIMILAR TO", {S("abc"), S("aé%c"), S("é")}), "", "FALSE"},
  });
  for (const char* name : {"LIKE", "NOT LIKE", "SIMILAR TO"}) {
    for (const char* escape : {"", "ab"}) {
      const auto bound = Functions().Bind(name, {S("a"), S("a"), S(escape)});
      ASSERT_FALSE(bound.ok());
      EXPECT_EQ(TextOf(bound.status()).message,
                std::string("Invalid escape character '") + escape + "': it must be one character");
    }
  }
}

}  // namespace
}  // namespace mainstem::process::testing
