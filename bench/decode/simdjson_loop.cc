// The limit that decoding has: a plain simdjson on-demand loop that takes from each line of a
// nexmark file the columns of q0 (auction, bidder, price, dateTime, extra of a bid) into vectors,
// and nothing else. Usage: simdjson_loop FILE
#include <simdjson.h>
#include <sys/resource.h>

#include <cstdio>
#include <vector>

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: simdjson_loop FILE\n"), 2;
  simdjson::padded_string json = simdjson::padded_string::load(argv[1]);
  rusage before, after;
  getrusage(RUSAGE_SELF, &before);
  simdjson::ondemand::parser parser;
  std::vector<int64_t> auction, bidder, price;
  std::vector<char> text;  // timestamps and extras, one after the other
  size_t events = 0;
  simdjson::ondemand::document_stream stream = parser.iterate_many(json, 1 << 20);
  for (auto document : stream) {
    ++events;
    simdjson::ondemand::object event = document.get_object();
    if (int64_t(event["event_type"]) != 2) continue;
    simdjson::ondemand::object bid = event["bid"];
    auction.push_back(int64_t(bid["auction"]));
    bidder.push_back(int64_t(bid["bidder"]));
    price.push_back(int64_t(bid["price"]));
    for (const char* key : {"dateTime", "extra"}) {
      std::string_view value = bid[key];
      text.insert(text.end(), value.begin(), value.end());
    }
  }
  getrusage(RUSAGE_SELF, &after);
  double seconds = static_cast<double>(after.ru_utime.tv_sec - before.ru_utime.tv_sec +
                                       after.ru_stime.tv_sec - before.ru_stime.tv_sec) +
                   1e-6 * static_cast<double>(after.ru_utime.tv_usec - before.ru_utime.tv_usec +
                                              after.ru_stime.tv_usec - before.ru_stime.tv_usec);
  std::printf(
      "{\"events\": %zu, \"bids\": %zu, \"cpu_s\": %.3f, \"events_per_cpu_s\": %.0f, "
      "\"mb_per_cpu_s\": %.0f}\n",
      events, auction.size(), seconds, static_cast<double>(events) / seconds,
      static_cast<double>(json.size()) / 1e6 / seconds);
}
