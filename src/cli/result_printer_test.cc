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
  printer.Done();
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
                      printer.Done();
                    }),
            "op             n s                   \n"
            "--  ------------ --------------------\n"
            "+I             1 a\n"
            "(1 row)\n\n");
}

TEST(ResultPrinterTest, TellsMachinesOnlyRowsAndJobs) {
  EXPECT_EQ(Printed(true,
                    [](ResultPrinter& printer) {
                      printer.Message("table 'a' created");
                      printer.Job("insert-1");
                    }),
            "{\"job\":\"insert-1\"}\n");
}

}  // namespace
}  // namespace mainstem::cli
