// The events of the Nexmark benchmark (Tucker et al., "NEXMark: a benchmark for queries over data
// streams"): of 50, one is a person, three are auctions, the rest bids, unless told otherwise. All
// values of event i are a function of the seed and i. Pure, immutable, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mainstem::source {

struct NexmarkConfig {
  uint64_t seed = 7;
  int64_t base_time_ms = 1767225600000;  // of event 0: 2026-01-01T00:00:00Z
  double events_per_second = 10000;      // by event time
  int64_t persons = 1;                   // of `cycle()` events, in this order
  int64_t auctions = 3;
  int64_t bids = 46;
  // About so many bytes has an event, its `extra` among them.
  int64_t person_bytes = 200;
  int64_t auction_bytes = 500;
  int64_t bid_bytes = 100;
  // One in so many is not about the hot auction, bidder or seller of the moment.
  int64_t hot_auctions = 2;
  int64_t hot_bidders = 4;
  int64_t hot_sellers = 4;

  int64_t cycle() const { return persons + auctions + bids; }
};

enum class NexmarkKind : uint8_t { kPerson = 0, kAuction = 1, kBid = 2 };

// Members of the three rows, by the names that their queries know.
enum class NexmarkNumber : uint8_t {
  kPersonId,
  kAuctionId,
  kInitialBid,
  kReserve,
  kSeller,
  kCategory,
  kBidAuction,
  kBidder,
  kPrice,
  kDateTime,  // milliseconds, of every kind
  kExpires,
};
enum class NexmarkText : uint8_t {
  kName,
  kEmail,
  kCreditCard,
  kCity,
  kState,
  kPersonExtra,
  kItemName,
  kDescription,
  kAuctionExtra,
  kChannel,
  kUrl,
  kBidExtra,
};

class NexmarkEvents {
 public:
  explicit NexmarkEvents(NexmarkConfig config);

  const NexmarkConfig& config() const { return config_; }
  NexmarkKind KindOf(int64_t event) const;
  int64_t TimeOf(int64_t event) const {
    return config_.base_time_ms +
           static_cast<int64_t>(static_cast<double>(event) * 1000.0 / config_.events_per_second);
  }
  // Of an event of the member's kind.
  int64_t Number(NexmarkNumber member, int64_t event) const;
  // May use `scratch`; valid until it changes.
  std::string_view Text(NexmarkText member, int64_t event, std::string* scratch) const;

 private:
  // Uniform random bits of one member of one event.
  uint64_t Bits(int64_t event, uint64_t member) const;
  int64_t Below(int64_t limit, int64_t event, uint64_t member) const;
  // The newest id as of an event.
  int64_t NewestPerson(int64_t event) const;
  int64_t NewestAuction(int64_t event) const;
  int64_t AnyPerson(int64_t event, uint64_t member) const;
  int64_t AnyAuction(int64_t event, uint64_t member) const;
  int64_t HotOr(int64_t ratio, int64_t hot, int64_t other, int64_t event, uint64_t member) const;
  // Letters from the pool; `mean` bytes, more or less by a fifth.
  std::string_view Letters(int64_t mean, int64_t event, uint64_t member) const;

  NexmarkConfig config_;
  std::string letters_;
  std::vector<std::string> names_;
};

}  // namespace mainstem::source
