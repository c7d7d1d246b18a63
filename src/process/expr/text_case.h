// Upper and lower case of texts beyond ASCII, as Java has them: some characters have several
// capitals, and a sigma that ends a word has a form of its own. Pure; internal to expr/.
#pragma once

#include <string_view>

#include "process/expr/text_sink.h"

namespace mainstem::process {

void AppendUpper(TextSink& sink, std::string_view text);
void AppendLower(TextSink& sink, std::string_view text);

}  // namespace mainstem::process
