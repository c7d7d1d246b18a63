// What the tests of files of their own form share. Header only, for tests.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "core/sim/sim_env.h"
#include "source/filesystem/file_source.h"

namespace mainstem::source {

using Lines = std::vector<std::string>;

struct Seen {
  Lines rows;
  Lines rejected;
  Lines positions;
  std::vector<int64_t> lags;
};

// Files in the folder /d of a simulated disk, read as a table.
class FileSourceFixture : public testing::Test {
 protected:
  using Options = std::map<std::string, std::string>;
  explicit FileSourceFixture(std::string format) : format_(std::move(format)) {}

  std::unique_ptr<connector::TableSource> Open(const arrow::FieldVector& fields,
                                               Options options = {}) {
    options.emplace("path", "/d");
    options.emplace("format", format_);
    connector::TableDescriptor table{.name = "t", .schema = arrow::schema(fields)};
    table.options = std::move(options);
    auto source = FileSourceConnector({}).make_source(table, {.env = &env_});
    EXPECT_TRUE(source.ok()) << source.status().ToString();
    return source.ok() ? std::move(*source) : nullptr;
  }

  static Task<> Write(Env* env, std::string path, std::string bytes) {
    CO_RETURN_IF_ERROR(co_await env->files().CreateDirectories("/d"));
    OpenOptions options;
    options.write = options.create = options.truncate = true;
    CO_ASSIGN_OR_RETURN(auto file, co_await env->files().Open(path, options));
    co_return co_await file->WriteAt(0, std::as_bytes(std::span(bytes.data(), bytes.size())));
  }
  void Write(std::string path, std::string bytes) {
    CHECK_OK(env_.Run(Write(&env_, std::move(path), std::move(bytes))));
  }

  static Task<> Discover(connector::TableSource* source,
                         std::vector<connector::SourceSplit>* splits) {
    CO_ASSIGN_OR_RETURN(*splits, co_await source->DiscoverSplits());
    co_return Status::OK();
  }
  std::vector<connector::SourceSplit> Discover(connector::TableSource* source) {
    std::vector<connector::SourceSplit> splits;
    CHECK_OK(env_.Run(Discover(source, &splits)));
    return splits;
  }
  static Task<> Open(connector::TableSource* source, connector::SourceSplit split) {
    std::vector<int> projection = {0};
    co_return (co_await source->OpenSplit(std::move(split), projection)).status();
  }
  Status OpenOnly(connector::TableSource* source, connector::SourceSplit split) {
    return env_.Run(Open(source, std::move(split)));
  }

  static void Note(const connector::SourceBatch& batch, Seen* seen) {
    const arrow::RecordBatch& rows = *batch.batch.rows;
    CHECK_OK(rows.ValidateFull());
    for (int64_t row = 0; row < rows.num_rows(); ++row) {
      std::string text;
      for (const auto& column : rows.columns()) {
        text += (text.empty() ? "" : "|") + column->GetScalar(row).ValueOrDie()->ToString();
      }
      seen->rows.push_back(text);
    }
    for (const auto& rejected : batch.rejected) {
      seen->rejected.push_back(rejected.origin + ": " + TextOf(rejected.cause).message);
    }
    seen->positions.push_back(batch.position);
    seen->lags.push_back(batch.lag_records);
  }
  static Task<> ReadAll(Env* env, connector::TableSource* source, std::string position,
                        std::vector<int> projection, size_t max_rows, Seen* seen) {
    CO_ASSIGN_OR_RETURN(auto splits, co_await source->DiscoverSplits());
    for (connector::SourceSplit& split : splits) {
      if (!position.empty()) split.position = position;
      CO_ASSIGN_OR_RETURN(auto reader, co_await source->OpenSplit(split, projection));
      for (bool ended = false; !ended;) {
        CO_ASSIGN_OR_RETURN(auto batch, co_await reader->Read(max_rows, env->Now()));
        Note(batch, seen);
        ended = batch.end_of_split;
      }
    }
    co_return Status::OK();
  }
  // To its end, or until nothing more is there.
  static Task<> ReadSplit(Env* env, connector::TableSource* source, connector::SourceSplit split,
                          size_t max_rows, Seen* seen) {
    std::vector<int> projection = {0};
    CO_ASSIGN_OR_RETURN(auto reader, co_await source->OpenSplit(std::move(split), projection));
    for (bool is_over = false; !is_over;) {
      CO_ASSIGN_OR_RETURN(auto batch, co_await reader->Read(max_rows, env->Now()));
      Note(batch, seen);
      is_over = batch.end_of_split || batch.caught_up;
    }
    co_return Status::OK();
  }
  Seen ReadSplit(connector::TableSource* source, connector::SourceSplit split, size_t max_rows) {
    Seen seen;
    CHECK_OK(env_.Run(ReadSplit(&env_, source, std::move(split), max_rows, &seen)));
    return seen;
  }
  Seen ReadAll(connector::TableSource* source, std::vector<int> projection, size_t max_rows,
               const std::string& position = "") {
    Seen seen;
    CHECK_OK(env_.Run(ReadAll(&env_, source, position, std::move(projection), max_rows, &seen)));
    return seen;
  }

  std::string format_;
  SimDisk disk_{1};
  SimEnv env_{&disk_, {}};
};

}  // namespace mainstem::source
