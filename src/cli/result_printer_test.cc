#include "cli/result_printer.h"

#include <cstdlib>

#include <gtest/gtest.h>

namespace mainstem::cli {
namespace {

// What `print` writes.
template <typename Function>
std::string Printed(bool json, Function print) {
  char* bytes = nullptr;
  size_t size = 0;
  std::FILE* out = open_memstream(&bytes, &size);
  {
    ResultPrinter printer({.json = json, .out = out});
    print(printer);
  }
  std::fclose(out);
  std::string text(bytes, size);
  std::free(bytes);
  return text;
}

void PrintRow(ResultPrinter& printer) {
  printer.Columns({"n", "d", "b", "s", "i", "x"}, {"BIGINT NOT NULL", "DECIMAL(10, 2)", "BOOLEAN",
                                                   "STRING", "INTERVAL YEAR TO MONTH", "DOUBLE"});
  printer.Row("+I", {"9007199254740993", "1.50", "TRUE", "12", "+1-02", "1.0E10"});
  printer.Row("+U", {"-1", std::nullopt, "FALSE", "a\"b", std::nullopt, "NaN"});
  CHECK_OK(printer.Done());
}

TEST(ResultPrinterTest, GivesMachinesNumbersAndBooleansAsSuch) {
  EXPECT_EQ(Printed(true, PrintRow),
            R"({"op":"+I","row":{"n":9007199254740993,"d":1.50,"b":true,"s":"12","i":"+1-02",)"
            R"("x":1.0E10}})"
            "\n"
            R"({"op":"+U","row":{"n":-1,"d":null,"b":false,"s":"a\"b","i":null,"x":"NaN"}})"
            "\n");
}

TEST(ResultPrinterTest, GivesPeopleATable) {
  EXPECT_EQ(Printed(false,
                    [](ResultPrinter& printer) {
                      printer.Columns({"n", "s"}, {"INTEGER NOT NULL", "STRING"});
                      printer.Row("+I", {"1", "a"});
                      CHECK_OK(printer.Done());
                    }),
            "op             n s                   \n"
            "--  ------------ --------------------\n"
            "+I             1 a\n"
            "(1 row)\n\n");
}

TEST(ResultPrinterTest, MakesColumnsAsWideAsTheFirstRowsNeed) {
  EXPECT_EQ(Printed(false,
                    [](ResultPrinter& printer) {
                      printer.Columns({"n", "größe", "s"}, {"BIGINT", "INT", "STRING"});
                      printer.Row("+I", {"1", "2", "a"});
                      printer.Row("+I", {"-9223372036854775808", "3", std::string(90, 'x')});
                      CHECK_OK(printer.Flush());
                      printer.Row("+I", {"-92233720368547758080", "4", "b"});
                      CHECK_OK(printer.Done());
                    }),
            "op                     n        größe s" + std::string(79, ' ') +
                "\n"
                "--  -------------------- ------------ " +
                std::string(80, '-') +
                "\n"
                "+I                     1            2 a\n"
                "+I  -9223372036854775808            3 " +
                std::string(90, 'x') +
                "\n"
                "+I  -92233720368547758080            4 b\n"
                "(3 rows)\n\n");
}

TEST(ResultPrinterTest, ShowsAHeaderForNoRowsButNotBeforeAnError) {
  auto fail = [](ResultPrinter& printer) {
    printer.Columns({"n"}, {"BIGINT"});
    CHECK_OK(printer.Flush());
  };
  EXPECT_EQ(Printed(false, fail), "");
  auto end = [](ResultPrinter& printer) {
    printer.Columns({"n"}, {"BIGINT"});
    CHECK_OK(printer.Done());
  };
  EXPECT_EQ(Printed(false, end),
            "op             n\n"
            "--  ------------\n"
            "(0 rows)\n\n");
}

TEST(ResultPrinterTest, PrintsATextOfSeveralLinesAsItIs) {
  auto explain = [](ResultPrinter& printer) {
    printer.Columns({"result"}, {"STRING"});
    printer.Row("+I", {"== Plan ==\nCalc\n"});
    CHECK_OK(printer.Done());
  };
  EXPECT_EQ(Printed(false, explain), "== Plan ==\nCalc\n\n\n");
  EXPECT_EQ(Printed(true, explain), R"({"op":"+I","row":{"result":"== Plan ==\nCalc\n"}})"
                                    "\n");
  // A query's column of that name, too, has a header when its rows are no such texts.
  EXPECT_EQ(Printed(false,
                    [](ResultPrinter& printer) {
                      printer.Columns({"result"}, {"STRING"});
                      printer.Row("+I", {"a"});
                      CHECK_OK(printer.Done());
                    }),
            "op  result              \n"
            "--  --------------------\n"
            "+I  a\n"
            "(1 row)\n\n");
}

TEST(ResultPrinterTest, TellsWhatAFinishedJobDid) {
  process::JobDescription job;
  job.id = "insert-1";
  job.name = "insert-into_default_catalog.default_database.t";
  job.state = process::JobState::kFinished;
  job.started_at_ms = 1000;
  job.finished_at_ms = 1250;
  job.operators.resize(2);
  job.operators[0].name = "Source: s";
  job.operators[0].rows_out = 3000;
  job.operators[1].name = "Sink: t";
  job.operators[1].rows_in = 12;
  auto finish = [&](ResultPrinter& printer) { CHECK_OK(printer.JobFinished(job)); };
  EXPECT_EQ(Printed(false, finish), "insert-into_t: 3,000 rows read, 12 written in 250ms\n");
  EXPECT_EQ(Printed(true, finish),
            R"({"job":"insert-1","state":"FINISHED","rows_read":3000,"rows_written":12,)"
            R"("rows_refused":0,"took_ms":250})"
            "\n");
  job.sinks.resize(1);
  job.sinks[0].rejected_rows = 2;
  EXPECT_EQ(Printed(false, finish),
            "insert-into_t: 3,000 rows read, 10 written, 2 refused in 250ms\n");
}

TEST(ResultPrinterTest, TellsMachinesOnlyRowsAndJobs) {
  EXPECT_EQ(Printed(true,
                    [](ResultPrinter& printer) {
                      CHECK_OK(printer.Message("table 'a' created"));
                      CHECK_OK(printer.Job("insert-1"));
                    }),
            "{\"job\":\"insert-1\"}\n");
}

TEST(ResultPrinterTest, SaysThatTheOutputTakesNoMore) {
  std::FILE* full = std::fopen("/dev/full", "w");
  ASSERT_NE(full, nullptr);
  ResultPrinter printer({.json = false, .out = full});
  printer.Columns({"n"}, {"INTEGER"});
  printer.Row("+I", {"1"});
  EXPECT_EQ(TextOf(printer.Flush()).message,
            "cannot write to standard output: No space left on device");
  EXPECT_FALSE(printer.Done().ok());
  std::fclose(full);
}

TEST(ResultPrinterTest, DataDoesNotMoveTheCursor) {
  EXPECT_EQ(Printed(false,
                    [](ResultPrinter& printer) {
                      printer.Columns({"s"}, {"STRING"});
                      printer.Row("+I", {"a\x1b[2Jb\nc\xc2\x9b"});
                      CHECK_OK(printer.Flush());
                    }),
            "op  s                   \n"
            "--  --------------------\n"
            "+I  a\\x1b[2Jb c\\x9b\n");
}

}  // namespace
}  // namespace mainstem::cli
