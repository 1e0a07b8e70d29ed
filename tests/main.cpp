// The test program: runs every test, and fails by name the one that leaves a piece of the tape alive, or that a
// sanitizer objects to.
#include <gtest/gtest.h>

#include <cstdlib>

#include "gradus/core/pool.h"

namespace {

// A node that outlives its test is a cycle in the tape: memory that no user could free.
class NoLiveNodes : public testing::EmptyTestEventListener {
  void OnTestEnd(const testing::TestInfo& test) override {
    const auto live = gradus::pool::figures().live_nodes;
    if (live > known_)
      ADD_FAILURE() << test.test_suite_name() << "." << test.name() << " left " << live - known_
                    << " nodes of the tape alive; a node holds a handle of its own output, or the test keeps a tensor";
    known_ = live;  // so that only the culprit fails
  }
  decltype(gradus::pool::figures().live_nodes) known_ = 0;
};

}  // namespace

// The sanitizers' run-times call these, where one is linked: what they found fails the test that was running.
extern "C" void __ubsan_on_report() { ADD_FAILURE() << "undefined behaviour, the report stands beside this line"; }
extern "C" void __tsan_on_report(void*) { ADD_FAILURE() << "data race, the report stands beside this line"; }

int main(int argc, char** argv) {
  setenv("GRADUS_CUDA_MODULE", "emulate", 0);  // device tests run anywhere; on a GPU with GRADUS_CUDA_MODULE=cuda
  testing::InitGoogleTest(&argc, argv);
  testing::UnitTest::GetInstance()->listeners().Append(new NoLiveNodes);  // GoogleTest owns and deletes it
  return RUN_ALL_TESTS();
}
