// Nodes that read values without others inside, and what all nodes share. Private to format/avro.
#pragma once

#include <memory>
#include <string>

#include <arrow/api.h>

#include "format/avro/avro_reader.h"

namespace mainstem::format {

// That a value of Avro cannot become one of the column.
Status AvroMismatch(const std::string& path, const AvroType& from, const arrow::DataType& to);
// For columns that are no ARRAY, MAP or ROW.
Result<std::unique_ptr<AvroNode>> MakeAvroLeaf(const AvroType& from, arrow::ArrayBuilder* builder,
                                               const std::string& path, const AvroReadRules& rules);

template <typename Builder>
class AvroLeafNode : public AvroNode {
 public:
  explicit AvroLeafNode(arrow::ArrayBuilder* builder) : builder_(static_cast<Builder*>(builder)) {}
  void AppendNull() override { CHECK_OK(builder_->AppendNull()); }

 protected:
  bool Fail(AvroInput* input, std::string problem) {
    AppendNull();
    return input->Fail(std::move(problem));
  }
  bool Fail() {
    AppendNull();
    return false;
  }
  Builder* builder_;
};

class AvroNullNode final : public AvroNode {
 public:
  explicit AvroNullNode(arrow::ArrayBuilder* builder) : builder_(builder) {}
  bool Read(AvroInput* input, int depth) override {
    AppendNull();
    return !input->failed();
  }
  void AppendNull() override { CHECK_OK(builder_->AppendNull()); }

 private:
  arrow::ArrayBuilder* builder_;
};

// Null where the column says NOT NULL, or a union's branch that the column cannot take.
class AvroRefusingNode final : public AvroNode {
 public:
  AvroRefusingNode(arrow::ArrayBuilder* builder, std::string problem)
      : builder_(builder), problem_(std::move(problem)) {}
  bool Read(AvroInput* input, int depth) override {
    AppendNull();
    return input->Fail(problem_);
  }
  void AppendNull() override { CHECK_OK(builder_->AppendNull()); }

 private:
  arrow::ArrayBuilder* builder_;
  std::string problem_;
};

}  // namespace mainstem::format
