#include "source/nexmark/nexmark_events.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "source/split_mix.h"

namespace mainstem::source {
namespace {

constexpr int64_t kFirstId = 1000;
constexpr int64_t kFirstCategory = 10;
constexpr int64_t kCategories = 5;
constexpr int64_t kPersonsInFlight = 1000;
constexpr int64_t kAuctionsInFlight = 100;
constexpr int64_t kHotEvery = 100;  // a new hot auction, bidder or seller each so many ids
constexpr int64_t kChannels = 10000;
constexpr size_t kPoolBytes = 1 << 16;

constexpr std::array<std::string_view, 10> kCities = {
    "Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland",
    "Bend",    "Redmond",     "Seattle",       "Kent",  "Cheyenne"};
constexpr std::array<std::string_view, 6> kStates = {"AZ", "CA", "ID", "OR", "WA", "WY"};
constexpr std::array<std::string_view, 4> kHotChannels = {"Google", "Facebook", "Baidu", "Apple"};
constexpr std::array<std::string_view, 11> kFirstNames = {
    "Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter"};
constexpr std::array<std::string_view, 9> kLastNames = {
    "Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"};

template <typename Member>
uint64_t Salt(Member member, int draw = 0) {
  return static_cast<uint64_t>(member) * 8 + static_cast<uint64_t>(draw) +
         (std::is_same_v<Member, NexmarkText> ? 1024 : 0);
}

}  // namespace

NexmarkEvents::NexmarkEvents(NexmarkConfig config) : config_(config) {
  letters_.resize(kPoolBytes);
  for (size_t i = 0; i < letters_.size(); ++i) {
    letters_[i] = static_cast<char>('a' + SplitMix64(config_.seed * kPoolBytes + i) % 26);
  }
  for (std::string_view first : kFirstNames) {
    for (std::string_view last : kLastNames) names_.push_back(fmt::format("{} {}", first, last));
  }
}

NexmarkKind NexmarkEvents::KindOf(int64_t event) const {
  const int64_t place = event % config_.cycle();
  if (place < config_.persons) return NexmarkKind::kPerson;
  return place < config_.persons + config_.auctions ? NexmarkKind::kAuction : NexmarkKind::kBid;
}

uint64_t NexmarkEvents::Bits(int64_t event, uint64_t member) const {
  return SplitMix64(SplitMix64(config_.seed ^ (member << 48)) ^ static_cast<uint64_t>(event));
}

int64_t NexmarkEvents::Below(int64_t limit, int64_t event, uint64_t member) const {
  return static_cast<int64_t>(Bits(event, member) % static_cast<uint64_t>(limit));
}

int64_t NexmarkEvents::NewestPerson(int64_t event) const {
  const int64_t place = std::min(event % config_.cycle(), config_.persons - 1);
  return kFirstId + event / config_.cycle() * config_.persons + std::max<int64_t>(place, 0);
}

// Before the first auction of a cycle the newest is the last one of the cycle before.
int64_t NexmarkEvents::NewestAuction(int64_t event) const {
  const int64_t place = std::min(event % config_.cycle() - config_.persons, config_.auctions - 1);
  return std::max(kFirstId, kFirstId + event / config_.cycle() * config_.auctions +
                                std::max<int64_t>(place, -1));
}

int64_t NexmarkEvents::AnyPerson(int64_t event, uint64_t member) const {
  const int64_t newest = NewestPerson(event);
  return newest - Below(std::min(newest - kFirstId + 1, kPersonsInFlight), event, member);
}

int64_t NexmarkEvents::AnyAuction(int64_t event, uint64_t member) const {
  const int64_t newest = NewestAuction(event);
  return newest - Below(std::min(newest - kFirstId + 1, kAuctionsInFlight), event, member);
}

int64_t NexmarkEvents::HotOr(int64_t ratio, int64_t hot, int64_t other, int64_t event,
                             uint64_t member) const {
  return ratio > 1 && Below(ratio, event, member) > 0 ? hot : other;
}

int64_t NexmarkEvents::Number(NexmarkNumber member, int64_t event) const {
  const uint64_t salt = Salt(member);
  switch (member) {
    case NexmarkNumber::kPersonId: return NewestPerson(event);
    case NexmarkNumber::kAuctionId: return NewestAuction(event);
    case NexmarkNumber::kInitialBid: return 1 + Below(100, event, salt);
    case NexmarkNumber::kReserve:
      return Number(NexmarkNumber::kInitialBid, event) + Below(1000, event, salt);
    case NexmarkNumber::kSeller:
      return HotOr(config_.hot_sellers, NewestPerson(event) / kHotEvery * kHotEvery,
                   AnyPerson(event, salt), event, Salt(member, 1));
    case NexmarkNumber::kCategory: return kFirstCategory + Below(kCategories, event, salt);
    case NexmarkNumber::kBidAuction:
      return HotOr(config_.hot_auctions, NewestAuction(event) / kHotEvery * kHotEvery,
                   AnyAuction(event, salt), event, Salt(member, 1));
    case NexmarkNumber::kBidder: {
      // Not the one who is the hot seller; nobody who is not there yet.
      const int64_t newest = NewestPerson(event);
      const int64_t hot = std::min(newest / kHotEvery * kHotEvery + 1, newest);
      return HotOr(config_.hot_bidders, hot, AnyPerson(event, salt), event, Salt(member, 1));
    }
    case NexmarkNumber::kPrice: {
      const double uniform = static_cast<double>(Bits(event, salt) >> 11) * 0x1p-53;
      return std::llround(std::pow(10.0, uniform * 6) * 100);
    }
    case NexmarkNumber::kDateTime: return TimeOf(event);
    case NexmarkNumber::kExpires: return TimeOf(event) + 1 + Below(20 * 1000, event, salt);
  }
  return 0;
}

std::string_view NexmarkEvents::Letters(int64_t mean, int64_t event, uint64_t member) const {
  const uint64_t bits = Bits(event, member);
  const int64_t spread = mean / 5 * 2 + 1;
  const int64_t wanted =
      mean - mean / 5 + static_cast<int64_t>((bits >> 32) % static_cast<uint64_t>(spread));
  const auto length =
      static_cast<size_t>(std::clamp<int64_t>(wanted, 0, static_cast<int64_t>(kPoolBytes / 2)));
  return std::string_view(letters_).substr((bits & 0xffffffff) % (kPoolBytes - length), length);
}

std::string_view NexmarkEvents::Text(NexmarkText member, int64_t event,
                                     std::string* scratch) const {
  const uint64_t salt = Salt(member);
  switch (member) {
    case NexmarkText::kName:
      return names_[static_cast<size_t>(Below(static_cast<int64_t>(names_.size()), event, salt))];
    case NexmarkText::kEmail:
      *scratch = Letters(7, event, salt);
      *scratch += '@';
      *scratch += Letters(5, event, Salt(member, 1));
      return *scratch += ".com";
    case NexmarkText::kCreditCard: {
      const uint64_t bits = Bits(event, salt);
      *scratch = fmt::format("{:04} {:04} {:04} {:04}", bits % 10000, (bits >> 16) % 10000,
                             (bits >> 32) % 10000, (bits >> 48) % 10000);
      return *scratch;
    }
    case NexmarkText::kCity:
      return kCities[static_cast<size_t>(Below(kCities.size(), event, salt))];
    case NexmarkText::kState:
      return kStates[static_cast<size_t>(Below(kStates.size(), event, salt))];
    case NexmarkText::kItemName: return Letters(20, event, salt);
    case NexmarkText::kDescription: return Letters(100, event, salt);
    case NexmarkText::kPersonExtra:
      return Letters(std::max<int64_t>(0, config_.person_bytes - 90), event, salt);
    case NexmarkText::kAuctionExtra:
      return Letters(std::max<int64_t>(0, config_.auction_bytes - 180), event, salt);
    case NexmarkText::kBidExtra:
      return Letters(std::max<int64_t>(0, config_.bid_bytes - 40), event, salt);
    // Channel and URL are drawn together: half of all bids come by one of the four hot channels.
    case NexmarkText::kChannel:
    case NexmarkText::kUrl: {
      const uint64_t bits = Bits(event, Salt(NexmarkText::kChannel));
      const bool is_hot = (bits & 1) != 0;
      const size_t hot = (bits >> 1) % kHotChannels.size();
      const int64_t channel = static_cast<int64_t>((bits >> 8) % kChannels);
      if (member == NexmarkText::kChannel) {
        if (is_hot) return kHotChannels[hot];
        *scratch = "channel-";
        fmt::format_to(std::back_inserter(*scratch), "{}", channel);
        return *scratch;
      }
      const auto page = static_cast<int64_t>(is_hot ? hot : 100 + static_cast<size_t>(channel));
      *scratch = "https://www.nexmark.com/";
      for (int part = 0; part < 3; ++part) {
        scratch->append(Letters(5, page, Salt(member, part)));
        *scratch += '/';
      }
      *scratch += "item.htm?query=1";
      if (!is_hot) fmt::format_to(std::back_inserter(*scratch), "&channel_id={}", channel);
      return *scratch;
    }
  }
  return {};
}

}  // namespace mainstem::source
