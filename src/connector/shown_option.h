// A table's options as people are shown them: without what only the table's owner should know.
#pragma once

#include <string>
#include <string_view>

namespace mainstem::connector {

// The value, or what of it may be seen. Hidden are options whose name says that they are secrets,
// among them all that a connector declares to be (server/connectors_test.cc), and passwords in
// addresses.
std::string ShownOption(const std::string& name, const std::string& value);

// Whether a text in lower case has a word in it by which secrets are called.
bool HoldsSecretWord(std::string_view text);

}  // namespace mainstem::connector
