// What holds for the options of all connectors.
#include "server/connectors.h"

#include <gtest/gtest.h>

#include "connector/shown_option.h"

namespace mainstem::server {
namespace {

TEST(ConnectorsTest, WhatTheyDeclareSecretIsHiddenByItsName) {
  const connector::ConnectorRegistry registry = MakeConnectorRegistry({});
  int count = 0;
  for (const connector::ConnectorSpec* spec : registry.List()) {
    for (const connector::OptionSpec& option : spec->options) {
      if (!option.secret) continue;
      ++count;
      EXPECT_EQ(connector::ShownOption(option.name, "value"), "******")
          << spec->name << ": " << option.name;
    }
  }
  EXPECT_GT(count, 20);
}

}  // namespace
}  // namespace mainstem::server
