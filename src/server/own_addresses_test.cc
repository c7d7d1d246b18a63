#include "server/own_addresses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connector/job_service.h"

namespace mainstem::server {
namespace {

using testing::Contains;
using testing::ElementsAre;

const MachineNames kMachine{.hosts = {"box"},
                            .addresses = {"127.0.0.1", "10.1.2.3", "::1", "fe80::1%eth0"}};

TEST(OwnAddresses, OfLoopbackAreItsNames) {
  EXPECT_THAT(OwnAddresses({.host = "127.0.0.1"}, 9092, "", kMachine),
              ElementsAre("127.0.0.1:9092", "localhost:9092", connector::kThisNode));
}

TEST(OwnAddresses, OfAllInterfacesAreTheirAddressesAndTheMachinesName) {
  EXPECT_THAT(OwnAddresses({.host = "0.0.0.0"}, 9092, "kafka.example.org:19092", kMachine),
              ElementsAre("0.0.0.0:9092", "localhost:9092", "127.0.0.1:9092", "box:9092",
                          "10.1.2.3:9092", "[::1]:9092", "[fe80::1%eth0]:9092",
                          "kafka.example.org:19092", connector::kThisNode));
  EXPECT_THAT(OwnAddresses({.host = "10.1.2.3"}, 9092, "", kMachine),
              ElementsAre("10.1.2.3:9092", "localhost:9092", "127.0.0.1:9092", "box:9092",
                          connector::kThisNode));
}

TEST(OwnAddresses, ThisMachineHasALoopbackAddress) {
  EXPECT_THAT(NamesOfThisMachine().addresses, Contains("127.0.0.1"));
}

}  // namespace
}  // namespace mainstem::server
