#include "process/operator/input_gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process/operator/operator_test_support.h"

namespace mainstem::process {
namespace {

using optest::MakeBatch;
using optest::ToLines;
using ::testing::ElementsAre;

class InputGateTest : public ::testing::Test {
 protected:
  InputGateTest() {
    for (int i = 0; i < 2; ++i) {
      channels_.push_back(std::make_shared<Channel>(env_.shard(0), env_.shard(0)));
    }
    gate_ = std::make_unique<InputGate>(
        env_.shard(0), std::vector<std::vector<std::shared_ptr<Channel>>>{channels_});
  }
  ~InputGateTest() override { gate_.reset(); }

  void Send(int channel, Element element) {
    CHECK_OK(env_.Run(channels_[static_cast<size_t>(channel)]->Send(std::move(element))));
  }
  // What comes out without waiting for more, up to the end marker that this puts in.
  std::vector<std::string> Take(size_t count) {
    std::vector<std::string> lines;
    CHECK_OK(env_.Run(TakeSome(gate_.get(), count, &lines)));
    return lines;
  }
  static Task<> TakeSome(InputGate* gate, size_t count, std::vector<std::string>* lines) {
    while (lines->size() < count) {
      CO_ASSIGN_OR_RETURN(ElementInput::Item item, co_await gate->Next());
      for (std::string& line : ToLines(item.element)) lines->push_back(std::move(line));
    }
    co_return Status::OK();
  }
  static Element Row(const std::string& text) {
    return Element::Batch(MakeBatch("s", {{"+I", text}}));
  }

  SimDisk disk_{1};
  SimEnv env_{&disk_, {.seed = 1}};
  std::vector<std::shared_ptr<Channel>> channels_;
  std::unique_ptr<InputGate> gate_;
};

TEST_F(InputGateTest, TheWatermarkIsTheLowestOfAllChannels) {
  Send(0, Element::Watermark(10));
  Send(1, Element::Watermark(5));
  Send(1, Element::Watermark(20));
  EXPECT_THAT(Take(2), ElementsAre("wm 5", "wm 10"));
}

TEST_F(InputGateTest, TheEndOfAnInputIsToldBeforeTheEndOfAll) {
  gate_.reset();
  auto third = std::make_shared<Channel>(env_.shard(0), env_.shard(0));
  gate_ = std::make_unique<InputGate>(
      env_.shard(0),
      std::vector<std::vector<std::shared_ptr<Channel>>>{{channels_[0], third}, {channels_[1]}});
  Send(0, Element::End());
  Send(1, Row("on"));
  EXPECT_THAT(Take(1), ElementsAre("+I on"));
  CHECK_OK(env_.Run(third->Send(Element::End())));
  EXPECT_THAT(Take(1), ElementsAre("end of input 0"));
  Send(1, Row("alone"));
  Send(1, Element::End());
  EXPECT_THAT(Take(2), ElementsAre("+I alone", "end"));
}

TEST_F(InputGateTest, AnIdleChannelDoesNotHoldTheWatermark) {
  Send(0, Element::Idle());
  Send(1, Element::Watermark(5));
  EXPECT_THAT(Take(1), ElementsAre("wm 5"));
  Send(0, Element::Watermark(3));
  Send(1, Element::Watermark(9));
  Send(0, Element::Watermark(7));
  EXPECT_THAT(Take(1), ElementsAre("wm 7"));
}

// Else the windows would close whose rows the idle channel has yet to bring.
TEST_F(InputGateTest, TheEndOfTimeOfOneChannelWaitsForAnIdleOne) {
  Send(0, Element::Watermark(10));
  Send(1, Element::Watermark(10));
  Send(1, Element::Idle());
  Send(0, Element::Watermark(kEndOfTime));
  EXPECT_THAT(Take(2), ElementsAre("wm 10", "idle"));
  Send(0, Element::End());
  Send(1, Row("late"));
  Send(1, Element::Watermark(20));
  EXPECT_THAT(Take(3), ElementsAre("wm 10", "+I late", "wm 20"));
  Send(1, Element::Watermark(kEndOfTime));
  Send(1, Element::End());
  EXPECT_THAT(Take(2), ElementsAre("wm 9223372036854775807", "end"));
}

TEST_F(InputGateTest, TheOrderInWhichChannelsFallIdleDoesNotMatter) {
  Send(0, Element::Watermark(9));
  Send(0, Element::Idle());
  Send(1, Element::Idle());
  EXPECT_THAT(Take(2), ElementsAre("wm 9", "idle"));
}

TEST_F(InputGateTest, OneThatIsBackWithoutAHigherWatermarkSaysSo) {
  Send(0, Element::Watermark(5));
  Send(1, Element::Watermark(5));
  Send(0, Element::Idle());
  Send(1, Element::Idle());
  Send(1, Row("late"));
  EXPECT_THAT(Take(4), ElementsAre("wm 5", "idle", "wm 5", "+I late"));
}

TEST_F(InputGateTest, AmongSubtasksFedAlikeOneThatIsSlowToComeBackHoldsTheWatermark) {
  gate_.reset();
  gate_ = std::make_unique<InputGate>(env_.shard(0),
                                      std::vector<std::vector<std::shared_ptr<Channel>>>{channels_},
                                      std::vector<bool>{true});
  for (int channel : {0, 1}) Send(channel, Element::Watermark(5));
  Send(0, Element::Idle());
  Send(1, Element::Idle());
  EXPECT_THAT(Take(2), ElementsAre("wm 5", "idle"));
  // The first one is back; the other one is, too, and has what this watermark closes.
  Send(0, Element::Watermark(9));
  Send(1, Row("of a window until 9"));
  Send(1, Element::Watermark(9));
  EXPECT_THAT(Take(3), ElementsAre("wm 5", "+I of a window until 9", "wm 9"));
}

TEST_F(InputGateTest, RowsBehindABarrierWaitForTheOtherChannel) {
  Send(0, Element::Barrier(1));
  Send(0, Row("after"));
  Send(1, Row("before"));
  EXPECT_THAT(Take(1), ElementsAre("+I before"));
  Send(1, Element::Barrier(1));
  EXPECT_THAT(Take(2), ElementsAre("barrier 1", "+I after"));
}

TEST_F(InputGateTest, AChannelThatEndsCountsAsHavingTheBarrier) {
  Send(0, Element::Barrier(1));
  Send(1, Element::Watermark(kEndOfTime));
  Send(1, Element::End());
  EXPECT_THAT(Take(1), ElementsAre("barrier 1"));
  Send(0, Element::Watermark(kEndOfTime));
  Send(0, Element::End());
  EXPECT_THAT(Take(2), ElementsAre("wm 9223372036854775807", "end"));
}

}  // namespace
}  // namespace mainstem::process
