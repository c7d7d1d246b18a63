#include "error_goldens.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <vector>

#include "core/sim/sim_env.h"
#include "process/plan/session.h"
#include "process/plan/table_facts.h"
#include "process/sql/diagnostic.h"
#include "process/sql/parser.h"

namespace mainstem::sqltest {
namespace {

namespace fs = std::filesystem;

struct Block {
  std::string script;
  bool has_error = false;  // else it is the setup
  std::string error;
};

std::vector<Block> ReadBlocks(const fs::path& path) {
  std::vector<Block> blocks(1);
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    Block& block = blocks.back();
    if (line == "====") {
      blocks.emplace_back();
    } else if (line == "----") {
      block.has_error = true;
    } else {
      (block.has_error ? block.error : block.script) += line + "\n";
    }
  }
  return blocks;
}

void WriteBlocks(const fs::path& path, const std::vector<Block>& blocks) {
  std::ofstream out(path);
  for (size_t i = 0; i < blocks.size(); ++i) {
    if (i > 0) out << "====\n";
    out << blocks[i].script;
    if (blocks[i].has_error) out << "----\n" << blocks[i].error;
  }
}

Status RunStatements(process::plan::Session* session, const std::string& text) {
  ASSIGN_OR_RETURN(process::sql::Script script, process::sql::ParseScript(text));
  for (const auto& statement : script.statements) {
    RETURN_IF_ERROR(session->Execute(*statement));
  }
  return Status::OK();
}

std::string ErrorOf(const std::string& setup, const std::string& script,
                    const connector::ConnectorRegistry& connectors) {
  const process::FunctionRegistry functions = process::MakeBuiltinRegistry();
  SimDisk disk(1);
  SimEnv env(&disk, {});
  const process::plan::ConnectorTableFacts facts(&connectors, {.env = &env});
  process::plan::Session session(&functions, &facts);
  session.set_connector_names(connectors.Names());
  CHECK_OK(RunStatements(&session, setup));
  const Status status = RunStatements(&session, script);
  return status.ok() ? "no error\n" : process::sql::RenderError(status);
}

}  // namespace

int RunErrorGoldens(const ErrorGoldenOptions& options,
                    const connector::ConnectorRegistry& connectors) {
  int different = 0, count = 0;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(options.directory)) {
    if (entry.path().extension() == ".errors") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    std::vector<Block> blocks = ReadBlocks(file);
    const std::string setup = blocks[0].has_error ? "" : blocks[0].script;
    for (size_t i = blocks[0].has_error ? 0 : 1; i < blocks.size(); ++i) {
      Block& block = blocks[i];
      ++count;
      std::string error = ErrorOf(setup, block.script, connectors);
      if (!block.has_error || error != block.error) {
        ++different;
        if (!options.rewrite) {
          std::cout << "FAIL     " << file.filename().string() << ":\n"
                    << block.script << "  expected\n"
                    << block.error << "  got\n"
                    << error;
        }
      }
      block.has_error = true;
      block.error = std::move(error);
    }
    if (options.rewrite) WriteBlocks(file, blocks);
  }
  std::cout << fmt::format("error messages: {} of {} {}\n", different, count,
                           options.rewrite ? "rewritten" : "differ");
  return options.rewrite ? 0 : different;
}

}  // namespace mainstem::sqltest
