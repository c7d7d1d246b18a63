// Paths as the Files of an Env take them: with '/', absolute or relative.
#pragma once

#include <string>

namespace mainstem {

// The folder that holds `path`; "." of a name alone.
inline std::string ParentFolder(const std::string& path) {
  size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace mainstem
